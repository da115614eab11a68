#include "assets/references.h"

#include <sys/stat.h>

#include <QDir>
#include <QFile>
#include <QFileInfo>

namespace celldeck::assets {

namespace {

constexpr qint64 PieceBytes = 1 << 20;

bool isHexDigit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::optional<dev_t> deviceOf(const QString &path)
{
    struct stat status = {};
    if (::lstat(QFile::encodeName(path).constData(), &status) != 0)
        return std::nullopt;
    return status.st_dev;
}

bool isNotebook(const QString &name)
{
    return name.endsWith(QLatin1String(".ipynb"), Qt::CaseInsensitive);
}

/// All notebooks below a folder. A folder inside that cannot be read is nobody's of us.
void addNotebooks(const QString &top, QSet<QString> &files)
{
    const auto device = deviceOf(top);
    QStringList folders{top};
    while (!folders.isEmpty()) {
        const QString folder = folders.takeLast();
        const QFileInfoList entries = QDir(folder).entryInfoList(
            QDir::AllEntries | QDir::Hidden | QDir::System | QDir::NoDotAndDotDot, QDir::NoSort);
        for (const QFileInfo &entry : entries) {
            const QString name = entry.fileName();
            if (isNotebook(name) && !entry.isDir())
                files.insert(entry.filePath());
            else if (entry.isDir() && !entry.isSymLink() &&
                     (!name.startsWith(QLatin1Char('.')) ||
                      name == QLatin1String(".ipynb_checkpoints")) &&
                     deviceOf(entry.filePath()) == device)
                folders << entry.filePath();
        }
    }
}

std::unexpected<Error> unreadable(const QString &path, const QString &reason)
{
    return fail(ErrorCode::Io, QStringLiteral("%1 cannot be read (%2): since it may name any "
                                              "asset, none is removed")
                                   .arg(path, reason));
}

Result<> search(const QString &path, StemFinder &finder)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        // Gone since the folder was listed, or a link to nothing.
        if (!QFileInfo::exists(path))
            return {};
        return unreadable(path, file.errorString());
    }
    finder.reset();
    while (true) {
        const QByteArray piece = file.read(PieceBytes);
        if (file.error() != QFileDevice::NoError)
            return unreadable(path, file.errorString());
        if (piece.isEmpty())
            return {};
        finder.feed(piece);
    }
}

}  // namespace

void StemFinder::feed(QByteArrayView piece)
{
    for (const char c : piece) {
        if (!isHexDigit(c)) {
            if (!m_run.isEmpty())
                m_run.clear();
            continue;
        }
        m_run.append(c);
        if (m_run.size() < StemLength)
            continue;
        const QByteArray last = m_run.right(StemLength);
        if (m_stems.contains(last))
            m_found.insert(last);
        m_run = last;
    }
}

Result<QSet<QByteArray>> namedIn(const QSet<QByteArray> &stems, const SearchPlaces &places)
{
    QSet<QString> files;
    for (const QString &folder : places.folders) {
        const QFileInfo info(folder);
        if (info.exists() && !info.isReadable())
            return unreadable(folder, QStringLiteral("permission denied"));
        addNotebooks(folder, files);
    }
    for (const QString &notebook : places.notebooks)
        files.insert(notebook);
    StemFinder finder(stems);
    for (const QString &text : places.texts) {
        finder.reset();
        finder.feed(text.toUtf8());
    }
    for (const QString &file : std::as_const(files)) {
        if (const Result<> searched = search(file, finder); !searched)
            return fail(searched.error());
    }
    return finder.found();
}

}  // namespace celldeck::assets
