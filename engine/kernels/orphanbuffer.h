#pragma once

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QString>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "kernels/message.h"

namespace celldeck::kernels {

/// CONTRACT.md section 7.
struct OrphanLimits
{
    size_t messagesAParent = 1'000;
    size_t parents = 1'024;
    qsizetype bytes = 64 * 1024 * 1024;  ///< in all rings together, what each entry costs included
};

/// A message as it came.
struct Arrival
{
    Channel channel = Channel::Iopub;
    Message message;
};

/// What is known of one ring, or of one that had to go: then `messages` is 0.
struct OrphanRing
{
    QString kernel;     ///< whose message it was: what the kernel's owner calls it
    QByteArray parent;  ///< the msg_id of the request that nobody here has made
    qsizetype messages = 0;
    qsizetype bytes = 0;
    quint64 dropped = 0;

    bool operator==(const OrphanRing &) const = default;
};

/// Keeps the messages whose parent is not known (yet), each in the ring of its own parent and no
/// other, until the parent registers or an operator decides. Bounded in messages a ring, rings and
/// bytes; where room is needed, the kernel that holds the most gives it, from the ring that has
/// been quiet the longest. What is dropped is counted, by kernel for ever and by parent for the
/// last thousand.
///
/// Owned by a KernelPool; one for all kernels. Thread: the engine's. Stopping: nothing to stop.
class OrphanBuffer final
{
public:
    explicit OrphanBuffer(OrphanLimits limits = {}) : m_limits(limits) {}

    void keep(const QString &kernel, Channel channel, const Message &message);
    /// Takes a ring out, oldest message first.
    [[nodiscard]] std::vector<Arrival> take(const QString &kernel, const QByteArray &parent);

    /// Fails with NotFound.
    [[nodiscard]] Result<std::vector<Arrival>> read(const QString &kernel,
                                                    const QByteArray &parent) const;
    [[nodiscard]] Result<> discard(const QString &kernel, const QByteArray &parent);

    /// Those that hold messages, by kernel, the quietest first; then those that only dropped some.
    [[nodiscard]] QList<OrphanRing> rings() const;
    /// By kernel; those that dropped none are not in it.
    [[nodiscard]] const std::map<QString, quint64> &dropped() const { return m_dropped; }
    [[nodiscard]] quint64 droppedInAll() const;
    [[nodiscard]] qsizetype messages() const { return m_messages; }
    [[nodiscard]] qsizetype bytes() const { return m_bytes; }

private:
    /// Packed: as JSON values a small message takes ten times its bytes.
    struct Packed
    {
        Channel channel;
        QByteArray parts;  // JSON array of header, parent header, metadata, content
        std::vector<QByteArray> buffers;
        QString leftOut;
        qsizetype bytes;
    };
    struct Ring
    {
        QByteArray parent;
        std::deque<Packed> messages;
        qsizetype bytes = 0;
        quint64 dropped = 0;
    };
    using Rings = std::list<Ring>;
    struct Kernel
    {
        Rings rings;  // the quietest first
        QHash<QByteArray, Rings::iterator> byParent;
        qsizetype bytes = 0;
    };

    [[nodiscard]] static Packed pack(Channel channel, const Message &message);
    [[nodiscard]] static Arrival unpack(const Packed &packed);
    [[nodiscard]] const Ring *find(const QString &kernel, const QByteArray &parent) const;
    Ring &touch(Kernel &kernel, const QByteArray &parent);
    void makeRoom();
    void dropOldest(const QString &name, Kernel &kernel, Rings::iterator ring);
    void dropRing(const QString &name, Rings::iterator ring);
    void remove(const QString &name, Rings::iterator ring);
    void remember(OrphanRing gone);

    const OrphanLimits m_limits;
    std::map<QString, Kernel> m_kernels;
    qsizetype m_messages = 0;
    qsizetype m_bytes = 0;
    size_t m_parents = 0;
    std::map<QString, quint64> m_dropped;
    std::deque<OrphanRing> m_gone;  // the last that had to go, oldest first
};

}  // namespace celldeck::kernels
