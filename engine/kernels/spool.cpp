#include "kernels/spool.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLocale>
#include <algorithm>
#include <mutex>

#include "async/background.h"

namespace celldeck::kernels {

namespace {

constexpr size_t HeadBytes = 900;
constexpr size_t TailBytes = 700;
// Written in one go.
constexpr size_t PieceBytes = 256 << 10;
// Of each end: what is shown of it is never big itself (assets/bigoutputs.h).
constexpr int EndLines = 22;

bool isContinuation(char byte)
{
    return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

/// Behind so many lines, or all of it.
size_t endOfLine(std::string_view text, int lines)
{
    size_t at = 0;
    for (; lines > 0 && at < text.size(); --lines)
        at = std::min(text.find('\n', at), text.size() - 1) + 1;
    return at;
}

/// In front of the last lines.
size_t beginOfLine(std::string_view text, int lines)
{
    size_t at = text.size();
    for (; lines > 0 && at > 1; --lines) {
        const size_t before = text.rfind('\n', at - 2);
        if (before == std::string_view::npos)
            return 0;
        at = before + 1;
    }
    return at;
}

}  // namespace

/// Written by one thread at a time, in the order of what was appended.
struct Spool::File
{
    explicit File(QString of) : path(std::move(of)) {}

    /// What is to be written; a long text where it stands.
    struct Piece
    {
        std::string text;
        std::shared_ptr<const LongText> longText;
    };

    /// True if it is to be drained. A long text takes no room here that it does not have already.
    bool append(std::string_view text, std::shared_ptr<const LongText> longText, size_t maxPending)
    {
        const std::scoped_lock lock(mutex);
        if (!error.isEmpty())
            return false;
        if (pendingBytes + (longText ? 0 : text.size()) > maxPending) {
            error = QStringLiteral("the disk is slower than what is printed");
            return false;
        }
        pendingBytes += text.size();
        if (longText) {
            pending.push_back({.text = {}, .longText = std::move(longText)});
        } else {
            const bool hasRoom = !pending.empty() && !pending.back().longText &&
                                 pending.back().text.size() + text.size() <= PieceBytes;
            if (!hasRoom)
                pending.emplace_back().text.reserve(PieceBytes);
            pending.back().text.append(text);
        }
        return !std::exchange(isScheduled, true);
    }

    void drain()
    {
        const std::scoped_lock order(writing);
        for (;;) {
            std::vector<Piece> pieces;
            {
                const std::scoped_lock lock(mutex);
                if (pending.empty()) {
                    if (isFinished)
                        file.close();
                    isScheduled = false;
                    return;
                }
                pieces.swap(pending);
                pendingBytes = 0;
            }
            for (const Piece &piece : pieces)
                write(piece.longText ? piece.longText->view() : piece.text);
        }
    }

    void write(std::string_view text)
    {
        if (isDiscarded || isBroken)
            return;
        if (!file.isOpen() && !open())
            return;
        // Unbuffered: a crash of ours takes nothing that was written.
        if (file.write(text.data(), qint64(text.size())) != qint64(text.size()))
            setFailure(file.errorString());
    }

    bool open()
    {
        const QString folder = QFileInfo(path).absolutePath();
        if (!QDir().mkpath(folder) || QFileInfo(folder).isSymLink()) {
            setFailure(QStringLiteral("the folder %1 cannot be used").arg(folder));
            return false;
        }
        file.setFileName(path);
        // Never through a link that somebody has put there.
        isMade = file.open(QIODevice::WriteOnly | QIODevice::NewOnly | QIODevice::Unbuffered);
        if (isMade)
            return true;
        setFailure(file.errorString());
        return false;
    }

    void discard()
    {
        const std::scoped_lock order(writing);
        isDiscarded = true;
        if (isMade)
            file.remove();
    }

    QString failure()
    {
        const std::scoped_lock lock(mutex);
        return error;
    }
    void setFailure(const QString &why)
    {
        isBroken = true;
        const std::scoped_lock lock(mutex);
        error = why;
    }

    const QString path;
    std::mutex writing;
    QFile file;                // touched by who writes
    bool isMade = false;       // the same
    bool isDiscarded = false;  // the same
    bool isBroken = false;     // the same
    std::mutex mutex;
    std::vector<Piece> pending;  // the rest is touched by both
    size_t pendingBytes = 0;
    bool isFinished = false;
    bool isScheduled = false;
    QString error;
};

Spool::Spool(QString path, size_t maxPendingBytes)
    : m_path(std::move(path)), m_maxPending(maxPendingBytes), m_file(std::make_shared<File>(m_path))
{}

Spool::~Spool() = default;

void Spool::append(std::string_view text)
{
    if (text.empty())
        return;
    note(text, std::ranges::count(text, '\n'));
    if (m_file->append(text, nullptr, m_maxPending))
        startInBackground([file = m_file] { file->drain(); });
}

void Spool::append(std::shared_ptr<const LongText> text)
{
    note(text->view(), text->lineEnds());
    if (m_file->append(text->view(), text, m_maxPending))
        startInBackground([file = m_file] { file->drain(); });
}

void Spool::note(std::string_view text, std::int64_t lineEnds)
{
    if (m_head.size() < HeadBytes)
        m_head.append(text.substr(0, HeadBytes - m_head.size()));
    m_tail.append(text.substr(text.size() - std::min(text.size(), TailBytes)));
    if (m_tail.size() > 2 * TailBytes)
        m_tail.erase(0, m_tail.size() - TailBytes);
    m_bytes += std::int64_t(text.size());
    m_lines += lineEnds;
    if (!text.empty())
        m_endsLine = text.back() == '\n';
}

void Spool::describe(Json &output) const
{
    std::string_view head = m_head;
    while (!head.empty() && m_bytes > std::int64_t(HeadBytes) && isContinuation(head.back()))
        head.remove_suffix(1);
    if (!head.empty() && static_cast<unsigned char>(head.back()) >= 0xc0U)
        head.remove_suffix(1);  // the first byte of the character whose others went
    std::string_view tail = m_tail;
    tail = tail.substr(tail.size() - std::min(tail.size(), TailBytes));
    while (!tail.empty() && isContinuation(tail.front()))
        tail.remove_prefix(1);
    head = head.substr(0, endOfLine(head, EndLines));
    tail = tail.substr(beginOfLine(tail, EndLines));
    const QString failure = m_file->failure();
    const QString left =
        failure.isEmpty()
            ? QStringLiteral("… %1 bytes in all").arg(QLocale::c().toString(qlonglong(m_bytes)))
            : QStringLiteral("[celldeck: what was printed could not be kept (%1): %2 bytes in all,")
                      .arg(failure, QLocale::c().toString(qlonglong(m_bytes))) +
                  QStringLiteral(" of which the first and the last are here]");
    output["text"] = std::string(head) + (head.ends_with('\n') ? "" : "\n") + left.toStdString() +
                     " …\n" + std::string(tail);
    output["assets"] = Json::array({{{"of", "text"},
                                     {"mime_type", "text/plain"},
                                     {"bytes", m_bytes},
                                     {"lines", m_lines + (m_endsLine ? 0 : 1)},
                                     {"asset", nullptr},
                                     {"path", m_path}}});
}

void Spool::drain() const
{
    m_file->drain();
}

void Spool::finish()
{
    const std::scoped_lock lock(m_file->mutex);
    m_file->isFinished = true;
    if (!std::exchange(m_file->isScheduled, true))
        startInBackground([file = m_file] { file->drain(); });
}

void Spool::discard()
{
    startInBackground([file = m_file] { file->discard(); });
}

}  // namespace celldeck::kernels
