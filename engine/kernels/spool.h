#pragma once

#include <QString>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "kernels/message.h"

namespace celldeck::kernels {

/// Of one stream output; what is longer goes to a file while it is printed.
inline constexpr size_t MaxStreamBytes = 1 << 20;

/// What may wait for the disk, of one stream, when more comes.
inline constexpr size_t MaxSpoolPendingBytes = 256 << 20;

/// The text of one stream that is too long to be kept in memory: goes to a file as it comes, in
/// another thread, and leaves a preview here. The file outlives a crash of the engine, with all but
/// what was on its way. Where it cannot be written, or not as fast as it comes, the rest is left
/// out, and the preview says so.
///
/// Owned by an output collector, and by the writes that are under way. Thread: one; `drain` any.
/// Stopping: what was appended is written in any case.
class Spool final
{
public:
    explicit Spool(QString path, size_t maxPendingBytes = MaxSpoolPendingBytes);
    ~Spool();
    Spool(const Spool &) = delete;
    Spool &operator=(const Spool &) = delete;

    void append(std::string_view text);
    void append(std::shared_ptr<const LongText> text);
    /// The stream's output as it stands: a preview as its text, and in `assets` what is in the file
    /// (as assets/bigoutputs.h has it).
    void describe(Json &output) const;
    /// All that was appended is in the file when this returns. Blocks.
    void drain() const;
    /// Nothing more is appended: the file is closed once all of it is in it. A cell may have
    /// thousands.
    void finish();
    /// The output was cleared: the file goes.
    void discard();

private:
    struct File;

    void note(std::string_view text, std::int64_t lineEnds);

    const QString m_path;
    const size_t m_maxPending;
    std::shared_ptr<File> m_file;
    std::string m_head;
    std::string m_tail;
    std::int64_t m_bytes = 0;
    std::int64_t m_lines = 0;
    bool m_endsLine = true;
};

}  // namespace celldeck::kernels
