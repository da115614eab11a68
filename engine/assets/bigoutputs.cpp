#include "assets/bigoutputs.h"

#include <QFileInfo>
#include <QLocale>
#include <QStringList>

#include "assets/asset.h"
#include "base/terminaltext.h"
#include "notebooks/plaintext.h"
#include "notebooks/pythonjson.h"

namespace celldeck::assets {

namespace {

// A preview is never big itself: with its middle line it stays below both limits.
constexpr qsizetype HeadBytes = 900;
constexpr qsizetype TailBytes = 700;
constexpr qsizetype HeadLines = 22;
constexpr qsizetype TailLines = 22;

bool isContinuation(char byte)
{
    return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

qsizetype linesOf(QByteArrayView text)
{
    const qsizetype ends = std::ranges::count(text, '\n');
    return text.isEmpty() || text.back() == '\n' ? ends : ends + 1;
}

qsizetype charactersOf(QByteArrayView text)
{
    return std::ranges::count_if(text, [](char byte) { return !isContinuation(byte); });
}

bool isBigText(const std::string &text)
{
    const QByteArrayView view(text.data(), qsizetype(text.size()));
    // No text has more characters than bytes, or more lines.
    return (view.size() > MaxInlineCharacters && charactersOf(view) > MaxInlineCharacters) ||
           (view.size() > MaxInlineLines && linesOf(view) > MaxInlineLines);
}

QByteArray headOf(const QByteArray &text)
{
    qsizetype end = std::min(HeadBytes, text.size());
    while (end < text.size() && end > 0 && isContinuation(text[end]))
        --end;
    qsizetype at = -1;
    for (qsizetype line = 0; line < HeadLines; ++line) {
        const qsizetype next = text.indexOf('\n', at + 1);
        if (next < 0 || next >= end)
            break;
        at = next;
        if (line == HeadLines - 1)
            end = at + 1;
    }
    return text.left(end);
}

QByteArray tailOf(const QByteArray &text)
{
    qsizetype begin = std::max<qsizetype>(0, text.size() - TailBytes);
    while (begin < text.size() && isContinuation(text[begin]))
        ++begin;
    qsizetype at = text.endsWith('\n') ? text.size() - 1 : text.size();
    for (qsizetype line = 0; line < TailLines && at > begin; ++line) {
        const qsizetype before = text.lastIndexOf('\n', at - 1);
        if (before < begin)
            break;
        at = before;
        if (line == TailLines - 1)
            begin = at + 1;
    }
    return text.mid(begin);
}

std::string readOf(const QByteArray &printed)
{
    return resolvedText({printed.constData(), static_cast<size_t>(printed.size())});
}

std::string previewOf(const QByteArray &text, const PartPlace &place)
{
    return assets::previewOf({text, text, linesOf(text), charactersOf(text)}, place.path);
}

/// Of what was printed: a long progress bar is one line, and shown whole.
Json readablePreview(const QByteArray &printed, const PartPlace &place)
{
    std::string text = readOf(printed);
    if (isBigText(text))
        return previewOf(QByteArray::fromStdString(text), place);
    return text;
}

Json placeToJson(const BigPart &part, const PartPlace &place)
{
    Json json{{"of", part.of},
              {"mime_type", part.mimeType},
              {"bytes", part.content.size()},
              {"asset", nullptr},
              {"path", nullptr}};
    if (!isBinary(part.mimeType))
        json["lines"] = linesOf(part.content);
    if (!place.path.isEmpty()) {
        json["asset"] = QFileInfo(place.path).fileName();
        json["path"] = place.path;
    }
    if (!place.thumbnail.isEmpty())
        json["thumbnail"] = place.thumbnail;
    return json;
}

void replace(Json &output, const BigPart &part, const PartPlace &place)
{
    if (part.of == QLatin1String("text"))
        output["text"] = readablePreview(part.content, place);
    else if (part.of == QLatin1String("evalue"))
        output["evalue"] = previewOf(part.content, place);
    else if (part.of == QLatin1String("traceback"))
        output["traceback"] = Json::array({previewOf(part.content, place)});
    else if (isReadable(part.mimeType))
        output["data"][part.of.toStdString()] = previewOf(part.content, place);
    else
        output["data"].erase(part.of.toStdString());
    output["assets"].push_back(placeToJson(part, place));
}

/// Stream text as it is read.
void resolveText(Json &output)
{
    const Json *text = find(output, "text");
    const auto printed = text ? notebooks::joinedLines(*text) : std::nullopt;
    if (!printed)
        return;
    std::string read = resolvedText(*printed);
    if (read != *printed)
        output["text"] = std::move(read);
}

std::optional<BigPart> textPart(size_t place, const char *of, const Json &value)
{
    const auto text = notebooks::joinedLines(value);
    if (!text || !isBigText(*text))
        return std::nullopt;
    // A progress bar is long only until it is read; a record that cannot hold it needs a file.
    const bool isStream = QLatin1String(of) == QLatin1String("text");
    if (isStream && qsizetype(text->size()) <= MaxRecordBytes && !isBigText(resolvedText(*text)))
        return std::nullopt;
    return BigPart{place, QString::fromLatin1(of), QStringLiteral("text/plain"),
                   QByteArray::fromStdString(*text)};
}

std::optional<BigPart> dataPart(size_t place, const QString &mimeType, const Json &value)
{
    const auto text = notebooks::joinedLines(value);
    if (text && isBinary(mimeType))
        return BigPart{place, mimeType, mimeType,
                       QByteArray::fromBase64(QByteArray::fromStdString(*text))};
    if (text && (mimeType == QLatin1String("image/svg+xml") || isBigText(*text)))
        return BigPart{place, mimeType, mimeType, QByteArray::fromStdString(*text)};
    if (text || value.is_string())
        return std::nullopt;
    const QByteArray json = toBytes(value);
    if (json.size() <= MaxInlineCharacters)
        return std::nullopt;
    return BigPart{place, mimeType, mimeType, json};
}

/// The first and the last of very many, and a line between that says how many there are.
Json withoutMiddle(Json outputs)
{
    if (!outputs.is_array() || outputs.size() <= MaxShownOutputs)
        return outputs;
    const size_t leftOut = outputs.size() - MaxShownOutputs;
    const std::string line = "[celldeck: " + std::to_string(leftOut) + " of " +
                             std::to_string(outputs.size()) +
                             " outputs are not shown here; the task's record has all of them]\n";
    const auto middle = outputs.begin() + MaxShownOutputs / 2;
    outputs.erase(middle, middle + std::ptrdiff_t(leftOut));
    const Json said{{"output_type", "stream"}, {"name", "stderr"}, {"text", line}};
    outputs.insert(outputs.begin() + MaxShownOutputs / 2, said);
    return outputs;
}

/// A traceback is a list of texts, each of several lines.
Json joinedTraceback(const Json &lines)
{
    std::string all;
    for (const Json &line : lines) {
        if (const auto text = notebooks::joinedLines(line))
            all += *text + '\n';
    }
    return all;
}

}  // namespace

std::string previewOf(const TextSample &text, const QString &path)
{
    const QLocale english(QLocale::English);
    QString left =
        QStringLiteral("… %1, %2 characters in all")
            .arg(text.lines == 1 ? QStringLiteral("1 line")
                                 : english.toString(text.lines) + QStringLiteral(" lines"),
                 english.toString(text.characters));
    if (!path.isEmpty())
        left += QStringLiteral("; the whole: read_asset {\"asset\": \"%1\"}")
                    .arg(QFileInfo(path).fileName());
    QString head = QString::fromUtf8(headOf(QByteArray::fromStdString(readOf(text.head))));
    if (!head.endsWith(QLatin1Char('\n')))
        head += QLatin1Char('\n');
    const QString tail = QString::fromUtf8(tailOf(QByteArray::fromStdString(readOf(text.tail))));
    return QString(head + left + QStringLiteral(" …\n") + tail).toStdString();
}

bool hasBigParts(const Json &outputs)
{
    if (!outputs.is_array())
        return false;
    for (const Json &output : outputs) {
        const Json *text = find(output, "text");
        if (text && text->is_string() && !isBigText(text->get_ref<const std::string &>()))
            continue;
        if (text || find(output, "traceback") || find(output, "evalue"))
            return true;
        if (const Json *data = find(output, "data"); data && data->is_object()) {
            for (const auto &entry : data->items()) {
                const QString mimeType = QString::fromStdString(entry.key());
                if (dataPart(0, mimeType, entry.value()))
                    return true;
            }
        }
    }
    return false;
}

QList<BigPart> bigPartsOf(const Json &outputs)
{
    QList<BigPart> parts;
    const auto add = [&parts](std::optional<BigPart> part) {
        if (part)
            parts << *std::move(part);
    };
    for (size_t place = 0; outputs.is_array() && place < outputs.size(); ++place) {
        const Json &output = outputs[place];
        if (const Json *text = find(output, "text"))
            add(textPart(place, "text", *text));
        if (const Json *message = find(output, "evalue"))
            add(textPart(place, "evalue", *message));
        if (const Json *lines = find(output, "traceback"); lines && lines->is_array())
            add(textPart(place, "traceback", joinedTraceback(*lines)));
        if (const Json *data = find(output, "data"); data && data->is_object()) {
            for (const auto &entry : data->items())
                add(dataPart(place, QString::fromStdString(entry.key()), entry.value()));
        }
    }
    return parts;
}

Json shown(Json outputs, const QList<BigPart> &parts, const QList<PartPlace> &places)
{
    for (size_t i = 0; outputs.is_array() && i < outputs.size(); ++i)
        resolveText(outputs[i]);
    for (qsizetype i = 0; i < parts.size(); ++i)
        replace(outputs[parts[i].output], parts[i], places[i]);
    return withoutMiddle(std::move(outputs));
}

Json recorded(Json outputs, const QList<BigPart> &parts, const QList<PartPlace> &places)
{
    for (qsizetype i = 0; i < parts.size(); ++i) {
        if (parts[i].content.size() > MaxRecordBytes && !places[i].path.isEmpty())
            replace(outputs[parts[i].output], parts[i], places[i]);
    }
    return outputs;
}

Json shownWithoutFiles(const Json &outputs)
{
    const QList<BigPart> parts = bigPartsOf(outputs);
    return shown(outputs, parts, QList<PartPlace>(parts.size()));
}

QString readable(const Json &shown)
{
    QStringList texts;
    for (size_t i = 0; shown.is_array() && i < shown.size(); ++i) {
        Json output = shown[i];
        const Json *data = find(output, "data");
        if (!data || !data->empty())
            texts << notebooks::plainText(Json::array({output}));
        const Json *files = find(output, "assets");
        if (!files || !files->is_array())
            continue;
        for (const Json &file : *files) {
            const QString mimeType = celldeck::textOf(file, "mime_type");
            const auto name = findText(file, "asset");
            if (isReadable(mimeType))
                continue;  // Its preview says where it is.
            texts << QStringLiteral("[%1, %2 bytes%3]")
                         .arg(mimeType)
                         .arg(findInt(file, "bytes").value_or(0))
                         .arg(name ? QStringLiteral(": asset ") + *name : QString());
        }
    }
    return texts.join(QLatin1Char('\n'));
}

}  // namespace celldeck::assets
