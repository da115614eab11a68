#include "kernels/framebacklog.h"

#include <QLoggingCategory>
#include <mutex>

#include "async/background.h"
#include "kernels/framefile.h"

Q_LOGGING_CATEGORY(lcBacklog, "celldeck.kernels.backlog", QtInfoMsg)

namespace celldeck::kernels {

namespace {

// What a frame takes in memory besides its bytes.
constexpr qint64 FrameOverhead = 64;

qint64 memoryOf(const Frames &frames)
{
    return bytesOf(frames) + FrameOverhead * qint64(frames.size());
}

void warn(const Error &why)
{
    qCWarning(lcBacklog, "what a kernel prints faster than it is read stays in memory: %s",
              qUtf8Printable(why.message));
}

}  // namespace

/// Messages that go to the disk together, from `offset` on.
class FrameBacklog::Block
{
public:
    Block(qint64 offset, Queue messages)
        : m_offset(offset),
          m_bytes(FrameFile::packedBytes(messages.messages)),
          m_messages(std::move(messages))
    {}

    [[nodiscard]] qint64 end() const { return m_offset + m_bytes; }

    /// Thread: any.
    Result<> write(FrameFile &file)
    {
        std::deque<Frames> messages;
        {
            const std::scoped_lock lock(m_mutex);
            if (m_state != State::InMemory)
                return {};
            m_state = State::Leaving;
            messages = m_messages.messages;  // What is in them is shared.
        }
        const Result<> written = file.write(messages, m_offset);
        messages.clear();
        const std::scoped_lock lock(m_mutex);
        if (m_state == State::Leaving && written) {
            m_state = State::OnDisk;
            m_messages = {};
        }
        return written;
    }

    /// Once; it is not written any more.
    [[nodiscard]] Result<Queue> take(const FrameFile &file)
    {
        {
            const std::scoped_lock lock(m_mutex);
            if (std::exchange(m_state, State::Taken) != State::OnDisk)
                return std::exchange(m_messages, {});
        }
        auto messages = file.read(m_bytes, m_offset);
        if (!messages)
            return fail(ErrorCode::Io,
                        QStringLiteral("%1 bytes of what the kernel said cannot be read back from "
                                       "the disk: %2")
                            .arg(m_bytes)
                            .arg(messages.error().message));
        Queue queue;
        for (Frames &frames : *messages)
            queue.push(std::move(frames));
        return queue;
    }

    void drop()
    {
        const std::scoped_lock lock(m_mutex);
        m_state = State::Taken;
        m_messages = {};
    }

private:
    enum class State { InMemory, Leaving, OnDisk, Taken };

    const qint64 m_offset;
    const qint64 m_bytes;
    std::mutex m_mutex;
    State m_state = State::InMemory;
    Queue m_messages;
};

/// Writes the blocks of one file one after the other, in one worker: others have work for the rest.
class FrameBacklog::Writer
{
public:
    [[nodiscard]] Result<> open(const QString &folder) { return m_file.open(folder); }
    [[nodiscard]] const FrameFile &file() const { return m_file; }

    static void add(const std::shared_ptr<Writer> &writer, std::shared_ptr<Block> block)
    {
        const std::scoped_lock lock(writer->m_mutex);
        writer->m_blocks.push_back(std::move(block));
        if (!std::exchange(writer->m_isScheduled, true))
            startInBackground([writer] { writer->run(); });
    }

private:
    void run()
    {
        for (;;) {
            std::shared_ptr<Block> block;
            {
                const std::scoped_lock lock(m_mutex);
                if (m_blocks.empty()) {
                    m_isScheduled = false;
                    return;
                }
                block = std::move(m_blocks.front());
                m_blocks.pop_front();
            }
            const Result<> written = block->write(m_file);
            if (!written && !std::exchange(m_hasWarned, true))
                warn(written.error());
        }
    }

    FrameFile m_file;
    bool m_hasWarned = false;  // touched by who runs
    std::mutex m_mutex;
    std::deque<std::shared_ptr<Block>> m_blocks;  // the rest is touched by both
    bool m_isScheduled = false;
};

FrameBacklog::FrameBacklog(QString folder, qint64 maxWaitingBytes)
    : m_folder(std::move(folder)), m_maxBytes(maxWaitingBytes)
{}

FrameBacklog::~FrameBacklog()
{
    clear();
}

void FrameBacklog::Queue::push(Frames frames)
{
    bytes += memoryOf(frames);
    messages.push_back(std::move(frames));
}

Frames FrameBacklog::Queue::pop()
{
    Frames frames = std::move(messages.front());
    messages.pop_front();
    bytes -= memoryOf(frames);
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

Result<Frames> FrameBacklog::pop()
{
    if (m_first.messages.empty() && m_blocks.empty())
        m_first = std::exchange(m_last, {});
    if (m_first.messages.empty()) {
        if (const Result<> taken = takeFirstBlock(); !taken)
            return fail(taken.error());
    }
    Frames frames = m_first.pop();
    if (isEmpty())
        m_isRefused = false;  // The next storm may find another disk.
    return frames;
}

bool FrameBacklog::isEmpty() const
{
    return m_first.messages.empty() && m_blocks.empty() && m_last.messages.empty();
}

void FrameBacklog::clear()
{
    for (const auto &block : m_blocks)
        block->drop();
    m_first = {};
    m_blocks.clear();
    m_last = {};
    m_writer.reset();
    m_end = 0;
    m_isRefused = false;
}

void FrameBacklog::putAway()
{
    if (!m_writer) {
        auto writer = std::make_shared<Writer>();
        if (const Result<> opened = writer->open(m_folder); !opened) {
            warn(opened.error());
            m_isRefused = true;
            return;
        }
        m_writer = std::move(writer);
    }
    const auto block = std::make_shared<Block>(m_end, std::exchange(m_last, {}));
    m_end = block->end();
    m_blocks.push_back(block);
    Writer::add(m_writer, block);
}

Result<> FrameBacklog::takeFirstBlock()
{
    const std::shared_ptr<Block> first = m_blocks.front();
    const std::shared_ptr<Writer> writer = m_writer;
    m_blocks.pop_front();
    if (m_blocks.empty()) {
        m_writer.reset();  // Its room goes back to the disk.
        m_end = 0;
    }
    auto messages = first->take(writer->file());
    if (!messages)
        return fail(messages.error());
    m_first = std::move(*messages);
    return {};
}

}  // namespace celldeck::kernels
