#include "kernels/orphanbuffer.h"

#include <algorithm>

namespace celldeck::kernels {

namespace {

// What an entry and a ring cost beside their bytes: nodes, headers of byte arrays, the hash.
constexpr qsizetype EntryBytes = 160;
constexpr qsizetype RingBytes = 400;

constexpr size_t GoneRemembered = 1'000;

}  // namespace

OrphanBuffer::Packed OrphanBuffer::pack(Channel channel, const Message &message)
{
    Json content = message.content;
    if (message.longText)
        content["text"] = std::string(message.longText->view());
    Packed packed{.channel = channel,
                  .parts = '[' + message.header.text() + ',' + message.parentHeader.text() + ',' +
                           message.metadata + ',' + toBytes(content) + ']',
                  .buffers = message.buffers,
                  .leftOut = message.leftOut,
                  .bytes = EntryBytes};
    packed.bytes += packed.parts.size();
    for (const QByteArray &buffer : packed.buffers)
        packed.bytes += buffer.size() + EntryBytes;
    return packed;
}

Arrival OrphanBuffer::unpack(const Packed &packed)
{
    Arrival arrival{.channel = packed.channel, .message = {}};
    if (auto parts = parseJson(packed.parts); parts && parts->size() == 4) {
        arrival.message.header = (*parts)[0];
        arrival.message.parentHeader = (*parts)[1];
        arrival.message.metadata = toBytes((*parts)[2]);
        arrival.message.content = std::move((*parts)[3]);
    }
    arrival.message.buffers = packed.buffers;
    arrival.message.leftOut = packed.leftOut;
    return arrival;
}

void OrphanBuffer::keep(const QString &kernel, Channel channel, const Message &message)
{
    const QByteArray &parent = message.parentId();
    const auto drop = [&] {
        ++m_dropped[kernel];
        remember({.kernel = kernel, .parent = parent, .dropped = 1});
    };
    if (message.longText && qsizetype(message.longText->view().size()) > m_limits.bytes)
        return drop();  // Before it is held another time.
    Packed packed = pack(channel, message);
    if (packed.bytes > m_limits.bytes)
        return drop();
    Kernel &place = m_kernels[kernel];
    Ring &ring = touch(place, parent);
    for (qsizetype *sum : {&ring.bytes, &place.bytes, &m_bytes})
        *sum += packed.bytes;
    ring.messages.push_back(std::move(packed));
    ++m_messages;
    if (ring.messages.size() > m_limits.messagesAParent)
        dropOldest(kernel, place, std::prev(place.rings.end()));
    makeRoom();
}

OrphanBuffer::Ring &OrphanBuffer::touch(Kernel &kernel, const QByteArray &parent)
{
    if (const auto found = kernel.byParent.constFind(parent); found != kernel.byParent.cend()) {
        kernel.rings.splice(kernel.rings.end(), kernel.rings, *found);
        return kernel.rings.back();
    }
    Ring &ring = kernel.rings.emplace_back();
    ring.parent = parent;
    ring.bytes = RingBytes;
    kernel.bytes += RingBytes;
    m_bytes += RingBytes;
    ++m_parents;
    kernel.byParent.insert(parent, std::prev(kernel.rings.end()));
    return ring;
}

void OrphanBuffer::makeRoom()
{
    while (m_parents > m_limits.parents) {
        auto &[name, most] = *std::ranges::max_element(
            m_kernels, {}, [](const auto &entry) { return entry.second.rings.size(); });
        dropRing(name, most.rings.begin());
    }
    while (m_bytes > m_limits.bytes) {
        auto &[name, most] = *std::ranges::max_element(
            m_kernels, {}, [](const auto &entry) { return entry.second.bytes; });
        if (most.rings.size() > 1)
            dropRing(name, most.rings.begin());
        else
            dropOldest(name, most, most.rings.begin());
    }
}

void OrphanBuffer::dropOldest(const QString &name, Kernel &kernel, Rings::iterator ring)
{
    const qsizetype bytes = ring->messages.front().bytes;
    ring->messages.pop_front();
    for (qsizetype *sum : {&ring->bytes, &kernel.bytes, &m_bytes})
        *sum -= bytes;
    --m_messages;
    ++ring->dropped;
    ++m_dropped[name];
}

void OrphanBuffer::dropRing(const QString &name, Rings::iterator ring)
{
    m_dropped[name] += ring->messages.size();
    remember(
        {.kernel = name, .parent = ring->parent, .dropped = ring->dropped + ring->messages.size()});
    remove(name, ring);
}

void OrphanBuffer::remove(const QString &name, Rings::iterator ring)
{
    const auto place = m_kernels.find(name);
    Kernel &kernel = place->second;
    kernel.bytes -= ring->bytes;
    m_bytes -= ring->bytes;
    m_messages -= qsizetype(ring->messages.size());
    --m_parents;
    kernel.byParent.remove(ring->parent);
    kernel.rings.erase(ring);
    if (kernel.rings.empty())
        m_kernels.erase(place);
}

void OrphanBuffer::remember(OrphanRing gone)
{
    m_gone.push_back(std::move(gone));
    if (m_gone.size() > GoneRemembered)
        m_gone.pop_front();
}

const OrphanBuffer::Ring *OrphanBuffer::find(const QString &kernel, const QByteArray &parent) const
{
    const auto place = m_kernels.find(kernel);
    if (place == m_kernels.end())
        return nullptr;
    const auto ring = place->second.byParent.constFind(parent);
    return ring == place->second.byParent.cend() ? nullptr : &**ring;
}

std::vector<Arrival> OrphanBuffer::take(const QString &kernel, const QByteArray &parent)
{
    std::vector<Arrival> arrivals;
    const auto place = m_kernels.find(kernel);
    if (place == m_kernels.end())
        return arrivals;
    const auto ring = place->second.byParent.constFind(parent);
    if (ring == place->second.byParent.cend())
        return arrivals;
    for (const Packed &packed : (*ring)->messages)
        arrivals.push_back(unpack(packed));
    if ((*ring)->dropped > 0)
        remember({.kernel = kernel, .parent = parent, .dropped = (*ring)->dropped});
    remove(kernel, *ring);
    return arrivals;
}

Result<std::vector<Arrival>> OrphanBuffer::read(const QString &kernel,
                                                const QByteArray &parent) const
{
    const Ring *ring = find(kernel, parent);
    if (!ring)
        return fail(ErrorCode::NotFound, QStringLiteral("%1 has no orphaned messages of \"%2\"")
                                             .arg(kernel, QString::fromUtf8(parent)));
    std::vector<Arrival> arrivals;
    for (const Packed &packed : ring->messages)
        arrivals.push_back(unpack(packed));
    return arrivals;
}

Result<> OrphanBuffer::discard(const QString &kernel, const QByteArray &parent)
{
    const auto found = read(kernel, parent);
    if (!found)
        return fail(found.error());
    (void)take(kernel, parent);
    return {};
}

QList<OrphanRing> OrphanBuffer::rings() const
{
    QList<OrphanRing> list;
    for (const auto &[name, kernel] : m_kernels) {
        for (const Ring &ring : kernel.rings)
            list.append({.kernel = name,
                         .parent = ring.parent,
                         .messages = qsizetype(ring.messages.size()),
                         .bytes = ring.bytes,
                         .dropped = ring.dropped});
    }
    list.append(QList<OrphanRing>(m_gone.begin(), m_gone.end()));
    return list;
}

quint64 OrphanBuffer::droppedInAll() const
{
    quint64 sum = 0;
    for (const auto &[name, count] : m_dropped)
        sum += count;
    return sum;
}

}  // namespace celldeck::kernels
