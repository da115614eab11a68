#include "kernels/framebacklog.h"

#include <mutex>

#include "async/background.h"
#include "kernels/framefile.h"

namespace celldeck::kernels {

namespace {

// What a frame takes in memory besides its bytes.
constexpr qint64 FrameOverhead = 64;

qint64 bytesOf(const Frames &frames)
{
    qint64 bytes = 0;
    for (const QByteArray &frame : frames)
        bytes += frame.size() + FrameOverhead;
    return bytes;
}

}  // namespace

/// Messages that go to the disk together, from `offset` on.
class FrameBacklog::Block
{
public:
    Block(std::shared_ptr<FrameFile> file, qint64 offset, Queue messages)
        : m_file(std::move(file)),
          m_offset(offset),
          m_bytes(FrameFile::packedBytes(messages.messages)),
          m_messages(std::move(messages))
    {}

    [[nodiscard]] qint64 end() const { return m_offset + m_bytes; }

    /// Thread: any.
    void write()
    {
        std::deque<Frames> messages;
        {
            const std::scoped_lock lock(m_mutex);
            if (m_state != State::InMemory)
                return;
            m_state = State::Leaving;
            messages = m_messages.messages;  // What is in them is shared.
        }
        const bool isWritten = m_file->write(messages, m_offset);
        messages.clear();
        const std::scoped_lock lock(m_mutex);
        if (m_state == State::Leaving && isWritten) {
            m_state = State::OnDisk;
            m_messages = {};
        }
    }

    /// Once.
    [[nodiscard]] Queue take()
    {
        {
            const std::scoped_lock lock(m_mutex);
            if (std::exchange(m_state, State::Taken) != State::OnDisk)
                return std::move(m_messages);
        }
        Queue queue;
        for (Frames &frames : m_file->read(m_bytes, m_offset))
            queue.push(std::move(frames));
        return queue;
    }

private:
    enum class State { InMemory, Leaving, OnDisk, Taken };

    const std::shared_ptr<FrameFile> m_file;
    const qint64 m_offset;
    const qint64 m_bytes;
    std::mutex m_mutex;
    State m_state = State::InMemory;
    Queue m_messages;
};

FrameBacklog::FrameBacklog(QString folder, qint64 maxWaitingBytes)
    : m_folder(std::move(folder)), m_maxBytes(maxWaitingBytes)
{}

FrameBacklog::~FrameBacklog() = default;

void FrameBacklog::Queue::push(Frames frames)
{
    bytes += bytesOf(frames);
    messages.push_back(std::move(frames));
}

Frames FrameBacklog::Queue::pop()
{
    Frames frames = std::move(messages.front());
    messages.pop_front();
    bytes -= bytesOf(frames);
    return frames;
}

void FrameBacklog::push(Frames frames)
{
    const bool isNext = m_blocks.empty() && m_last.messages.empty();
    if (isNext && (m_folder.isEmpty() || m_first.bytes < m_maxBytes)) {
        m_first.push(std::move(frames));
        return;
    }
    m_last.push(std::move(frames));
    if (m_last.bytes >= m_maxBytes && !m_isRefused)
        putAway();
}

std::optional<Frames> FrameBacklog::pop()
{
    if (isEmpty())
        return std::nullopt;
    if (m_first.messages.empty())
        m_first = m_blocks.empty() ? std::exchange(m_last, {}) : takeFirstBlock();
    if (m_first.messages.empty())
        return pop();  // That block could not be read.
    return m_first.pop();
}

bool FrameBacklog::isEmpty() const
{
    return m_first.messages.empty() && m_blocks.empty() && m_last.messages.empty();
}

void FrameBacklog::clear()
{
    m_first = {};
    m_blocks.clear();
    m_last = {};
    m_file.reset();
    m_end = 0;
}

void FrameBacklog::putAway()
{
    if (!m_file)
        m_file = FrameFile::open(m_folder);
    m_isRefused = m_file == nullptr;
    if (m_isRefused)
        return;
    const auto block = std::make_shared<Block>(m_file, m_end, std::exchange(m_last, {}));
    m_end = block->end();
    m_blocks.push_back(block);
    startInBackground([block] { block->write(); });
}

FrameBacklog::Queue FrameBacklog::takeFirstBlock()
{
    const std::shared_ptr<Block> first = m_blocks.front();
    m_blocks.pop_front();
    if (m_blocks.empty()) {
        m_file.reset();  // Its room goes back to the disk.
        m_end = 0;
    }
    return first->take();
}

}  // namespace celldeck::kernels
