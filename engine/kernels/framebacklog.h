#pragma once

#include <QString>
#include <deque>
#include <memory>

#include "base/result.h"
#include "kernels/wiremessage.h"

namespace celldeck::kernels {

/// What is kept in memory of messages that wait; and what goes to the disk in one go.
inline constexpr qint64 MaxWaitingBytes = 8 * 1024 * 1024;

/// Messages that have come and wait to be taken, first come, first taken. A kernel can print faster
/// than anybody reads, and ZeroMQ would hold all of that in memory: so it goes to a FrameFile,
/// which is written in another thread. What the disk refuses, or has not taken yet, stays in
/// memory.
///
/// Owned by a socket. Thread: one. Stopping: nothing to stop; what waits goes with it.
class FrameBacklog final
{
public:
    /// `folder`: where the file goes; "": all stays in memory.
    explicit FrameBacklog(QString folder = {}, qint64 maxWaitingBytes = MaxWaitingBytes);
    ~FrameBacklog();
    FrameBacklog(const FrameBacklog &) = delete;
    FrameBacklog &operator=(const FrameBacklog &) = delete;

    void push(Frames frames);
    /// Fails with Io: some that were the next cannot be read back, and are lost. Requires: not
    /// empty.
    [[nodiscard]] Result<Frames> pop();
    [[nodiscard]] bool isEmpty() const;
    /// The length of the file; also of what is still on its way there.
    [[nodiscard]] qint64 bytesOnDisk() const { return m_end; }
    void clear();

private:
    struct Queue
    {
        void push(Frames frames);
        /// Requires: not empty.
        [[nodiscard]] Frames pop();

        std::deque<Frames> messages;
        qint64 bytes = 0;
    };
    class Block;
    class Writer;

    void putAway();
    [[nodiscard]] Result<> takeFirstBlock();

    const QString m_folder;
    const qint64 m_maxBytes;
    Queue m_first;                                // the first to be taken
    std::deque<std::shared_ptr<Block>> m_blocks;  // behind those
    Queue m_last;                                 // and behind those what is to be the next block
    std::shared_ptr<Writer> m_writer;
    qint64 m_end = 0;  // of its file
    bool m_isRefused = false;
};

}  // namespace celldeck::kernels
