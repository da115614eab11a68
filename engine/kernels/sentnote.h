#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

#include "base/result.h"

namespace celldeck::kernels {

/// The id of the last request that was handed to ZeroMQ for one kernel, in a file of the runtime
/// folder. It is written before each request and never fsynced: that costs 2 µs, and holds when the
/// engine is killed, though not when the machine goes down; so the file names the boot.
///
/// Requests leave in the order of their numbers, and a later engine numbers on from here: so one
/// note tells of all of them.
///
/// Owned by a Kernel. Thread: any one. Stopping: the destructor removes the file.
class SentNote final
{
public:
    /// What `session` is: the part of a msg_id before its last two underscores.
    SentNote(QString folder, const QString &session);
    ~SentNote();
    SentNote(const SentNote &) = delete;
    SentNote &operator=(const SentNote &) = delete;

    /// Says that nothing was sent yet: for a new kernel. Fails with Io.
    [[nodiscard]] Result<> begin();
    /// Takes up the one that an earlier engine has left, and gives the number of the last request;
    /// 0 if there was none. If there is no note to believe, nobody knows what was sent, now or
    /// later. Fails with Io.
    [[nodiscard]] Result<std::uint64_t> takeUp();
    /// Where the disk refuses, the note goes: then nobody knows, and the request may leave. Fails
    /// with Io if it cannot even go: then the request must not leave, since the note would deny it.
    [[nodiscard]] Result<> put(const QByteArray &messageId);

private:
    [[nodiscard]] Result<> open();
    [[nodiscard]] Result<> write(const QByteArray &messageId);

    QString m_path;
    QByteArray m_boot;
    int m_fd = -1;
};

enum class Sent {
    No,
    Perhaps,  ///< It was handed over, as the last one or before it; or nobody knows.
};

/// The later request has the higher one; 0 for what is no msg_id of ours.
[[nodiscard]] std::uint64_t requestNumber(const QByteArray &messageId);

/// Whether a request of an engine that is gone has left for its kernel.
[[nodiscard]] Sent wasSent(const QString &folder, const QByteArray &messageId);

/// Of which sessions there are notes.
[[nodiscard]] QStringList sentNotes(const QString &folder);
void removeSentNote(const QString &folder, const QString &session);

}  // namespace celldeck::kernels
