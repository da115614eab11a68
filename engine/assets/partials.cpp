#include "assets/partials.h"

#include <fcntl.h>
#include <unistd.h>

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <cstring>

#include "assets/asset.h"
#include "assets/assetfolder.h"
#include "assets/assetreader.h"
#include "assets/contenthash.h"
#include "base/terminaltext.h"

namespace celldeck::assets {

namespace {

const QString Prefix = QStringLiteral(".partial-");
// Enough for a preview, also of a progress bar.
constexpr qsizetype SampleBytes = 1 << 16;
constexpr qint64 PieceBytes = 1 << 16;
// More than a preview shows, and as much as is read to find them.
constexpr size_t HeadLines = 50;
constexpr qint64 MaxHeadBytes = 64 << 20;
constexpr std::chrono::days MaxAge{7};

bool isPartial(const QString &path)
{
    return QFileInfo(path).fileName().startsWith(Prefix);
}

std::unexpected<Error> ioError(const QString &path)
{
    return fail(ErrorCode::Io, QStringLiteral("the asset %1 cannot be written: %2")
                                   .arg(path, QString::fromLocal8Bit(std::strerror(errno))));
}

Result<> syncPath(const QString &path, int flags)
{
    const int fd = ::open(QFile::encodeName(path).constData(), flags | O_CLOEXEC);
    if (fd < 0)
        return ioError(path);
    const bool isSynced = ::fsync(fd) == 0 || errno == EINVAL;
    ::close(fd);
    return isSynced ? Result<>() : ioError(path);
}

/// What was printed, and not kept: a line behind what was.
QString cutLine(const Partial &partial)
{
    return QStringLiteral(
               "[celldeck: %1 bytes were printed, of which only the first %2 could be "
               "kept]")
        .arg(partial.printed)
        .arg(partial.bytes);
}

/// One part back in its place. Fails if its file is gone, or too big.
Result<> restore(Json &output, const Json &file)
{
    const QString path = textOf(file, "path");
    const QString of = textOf(file, "of");
    if (path.isEmpty())
        return fail(ErrorCode::NotFound, QStringLiteral("has no file any more"));
    if (findInt(file, "bytes").value_or(0) > MaxNotebookTextBytes)
        return fail(ErrorCode::TooLarge,
                    QStringLiteral("is too long for a notebook, which has its beginning and end"));
    const auto content = readWhole(path, MaxNotebookTextBytes);
    if (!content)
        return fail(content.error().code,
                    QStringLiteral("cannot be read from its file: ") + content.error().message);
    if (of == QLatin1String("text") || of == QLatin1String("evalue")) {
        std::string text = content->toStdString();
        if (const QString cut = textOf(file, "cut"); !cut.isEmpty())
            text += '\n' + cut.toStdString() + '\n';
        output[of.toStdString()] = std::move(text);
        return {};
    }
    if (of == QLatin1String("traceback")) {
        output["traceback"] = Json::array({content->toStdString()});
        return {};
    }
    Json &data = output["data"];
    if (!data.is_object())
        return fail(ErrorCode::Protocol, QStringLiteral("has no place in its output"));
    if (isBinary(of)) {
        data[of.toStdString()] = content->toBase64().toStdString();
    } else if (of.endsWith(QLatin1String("json"))) {
        auto json = parseJson(*content);
        if (!json)
            return fail(json.error());
        data[of.toStdString()] = std::move(*json);
    } else {
        data[of.toStdString()] = content->toStdString();
    }
    return {};
}

}  // namespace

QString Partial::fileName() const
{
    return QString::fromLatin1(stem) + QStringLiteral(".txt");
}

QList<Partial> partialsOf(const Json &outputs)
{
    QList<Partial> partials;
    for (size_t place = 0; outputs.is_array() && place < outputs.size(); ++place) {
        const Json *files = find(outputs[place], "assets");
        if (!files || !files->is_array())
            continue;
        for (const Json &file : *files) {
            if (const QString path = textOf(file, "path"); isPartial(path))
                partials << Partial{
                    .output = place, .path = path, .printed = findInt(file, "bytes").value_or(0)};
        }
    }
    return partials;
}

Result<> study(Partial &partial)
{
    const auto fd = openFile(partial.path);
    if (!fd)
        return fail(fd.error());
    QFile file;
    if (!file.open(*fd, QIODevice::ReadOnly | QIODevice::Unbuffered, QFileDevice::AutoCloseHandle))
        return ioError(partial.path);
    ContentHash hash;
    char last = '\n';
    TerminalText head(SampleBytes);
    for (QByteArray piece = file.read(PieceBytes); !piece.isEmpty();
         piece = file.read(PieceBytes)) {
        hash.add(piece);
        partial.bytes += piece.size();
        partial.lines += std::ranges::count(piece, '\n');
        partial.characters += std::ranges::count_if(
            piece, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; });
        last = piece.back();
        // A progress bar is at its beginning what it is when it has ended.
        if (head.lineCount() <= HeadLines && partial.bytes <= MaxHeadBytes)
            head.feed({piece.constData(), static_cast<size_t>(piece.size())});
        partial.tail = QByteArray(partial.tail + piece).right(SampleBytes);
    }
    if (file.error() != QFileDevice::NoError)
        return ioError(partial.path);
    partial.head = QByteArray::fromStdString(head.text());
    if (last != '\n')
        ++partial.lines;
    partial.stem = hash.stem();
    return {};
}

Result<> nameFile(const Partial &partial, const QString &path)
{
    if (const Result<> synced = syncPath(partial.path, O_RDONLY | O_NOFOLLOW); !synced)
        return synced;
    const QByteArray from = QFile::encodeName(partial.path);
    const QByteArray to = QFile::encodeName(path);
    // Its name is its content: what is there already is the same.
    if (::link(from.constData(), to.constData()) != 0 && errno != EEXIST) {
        // Some file systems know no second name.
        if (::rename(from.constData(), to.constData()) != 0)
            return ioError(path);
    }
    return syncPath(QFileInfo(path).absolutePath(), O_RDONLY | O_DIRECTORY);
}

Json named(Json outputs, const Partial &partial, const QString &path)
{
    Json &output = outputs[partial.output];
    output["text"] = previewOf({.head = partial.head,
                                .tail = partial.tail,
                                .lines = partial.lines,
                                .characters = partial.characters},
                               path);
    const bool isCut = partial.printed > partial.bytes;
    if (isCut)
        output["text"].get_ref<std::string &>() += '\n' + cutLine(partial).toStdString() + '\n';
    output["assets"] = Json::array({{{"of", "text"},
                                     {"mime_type", "text/plain"},
                                     {"bytes", partial.bytes},
                                     {"lines", partial.lines},
                                     {"asset", QFileInfo(path).fileName()},
                                     {"path", path}}});
    if (isCut)
        output["assets"][0]["cut"] = cutLine(partial);
    return outputs;
}

void removePartials(const QStringList &paths)
{
    for (const QString &path : paths)
        QFile::remove(path);
}

void removeOldPartials(const QString &folder, UtcTime now)
{
    const QFileInfoList files =
        QDir(folder).entryInfoList({Prefix + QLatin1Char('*')}, QDir::Files | QDir::Hidden);
    for (const QFileInfo &file : files) {
        const UtcTime written(Milliseconds(file.lastModified().toMSecsSinceEpoch()));
        if (now - written > MaxAge)
            QFile::remove(file.absoluteFilePath());
    }
}

WholeOutputs wholeOutputs(const QByteArray &outputs)
{
    if (!outputs.contains("\"assets\""))
        return {.json = outputs, .leftOut = {}};
    auto parsed = parseJson(outputs);
    if (!parsed || !parsed->is_array())
        return {.json = outputs, .leftOut = {}};
    WholeOutputs whole;
    for (Json &output : *parsed) {
        const Json *files = find(output, "assets");
        if (!files || !files->is_array())
            continue;
        const Json listed = *files;
        for (const Json &file : listed) {
            const QString path = celldeck::textOf(file, "path");
            if (const Result<> restored = restore(output, file); !restored)
                whole.leftOut << LeftOut{path, restored.error().message,
                                         restored.error().code != ErrorCode::TooLarge};
            if (file.contains("cut"))
                whole.leftOut << LeftOut{
                    {},
                    QStringLiteral("is not all there: the disk did not take it, or not as fast as "
                                   "it came"),
                    true};
        }
        output.erase("assets");
    }
    whole.json = toBytes(*parsed);
    return whole;
}

}  // namespace celldeck::assets
