#include "notebooks/notebookreader.h"

#include <QRegularExpression>
#include <QSet>

#include "notebooks/notebookfile.h"
#include "notebooks/pythonjson.h"

namespace celldeck::notebooks {

namespace {

std::unexpected<Error> invalid(const QString &name, const QString &what)
{
    return fail(ErrorCode::InvalidArgument, name + QStringLiteral(": ") + what);
}

Result<int> minorVersion(const Json &root, const QString &name)
{
    if (!root.is_object())
        return invalid(name, QStringLiteral("is no notebook: its JSON is not an object: give the "
                                            "path of a Jupyter notebook"));
    const auto major = findInt(root, "nbformat");
    if (!major)
        return invalid(name, QStringLiteral("is no notebook: it has no \"nbformat\" number: give "
                                            "the path of a Jupyter notebook"));
    if (*major < 4)
        return invalid(name, QStringLiteral("has the old notebook format %1: convert it with "
                                            "jupyter nbconvert --to notebook --nbformat 4")
                                 .arg(*major));
    const auto minor = findInt(root, "nbformat_minor");
    if (!minor)
        return invalid(
            name, QStringLiteral("is no valid notebook: it has no \"nbformat_minor\" number; a "
                                 "new one would be 5"));
    if (*major > 4 || *minor > 5 || *minor < 0)
        return invalid(name, QStringLiteral("has notebook format %1.%2, which this Celldeck does "
                                            "not know: save it as 4.5 or older")
                                 .arg(*major)
                                 .arg(*minor));
    return static_cast<int>(*minor);
}

Result<CellKind> kindOf(const Json &cell, const QString &name, const QString &place)
{
    const QString type = textOf(cell, "cell_type");
    if (type == QLatin1String("markdown"))
        return CellKind::Markdown;
    if (type == QLatin1String("raw"))
        return CellKind::Raw;
    if (type != QLatin1String("code"))
        return invalid(name, place + QStringLiteral(" has the cell_type \"%1\": it should be code, "
                                                    "markdown or raw")
                                         .arg(type));
    const Json *outputs = find(cell, "outputs");
    if (!outputs || !outputs->is_array())
        return invalid(name, place + QStringLiteral(" is a code cell without a list of outputs: "
                                                    "add \"outputs\": []"));
    for (size_t i = 0; i < outputs->size(); ++i) {
        if (!outputs->at(i).is_object())
            return invalid(
                name, place + QStringLiteral(", output %1 is not an object: remove it").arg(i));
    }
    const Json *count = find(cell, "execution_count");
    if (!count || !(count->is_null() || count->is_number_integer()))
        return invalid(name,
                       place + QStringLiteral(" is a code cell whose execution_count is "
                                              "neither a whole number nor null: make it null"));
    return CellKind::Code;
}

Result<QString> idOf(const Json &cell, int minor, const QString &name, const QString &place)
{
    static const QRegularExpression allowed(QStringLiteral("^[a-zA-Z0-9_-]{1,64}\\z"));
    const Json *id = find(cell, "id");
    // None in 4.5: Jupyter accepts that too, and would add one when it saves. One before 4.5: some
    // editors write it; Jupyter complains in its log and goes on. It is no name there.
    if (!id || minor < 5)
        return QString();
    QString text = textOf(cell, "id");
    if (!allowed.match(text).hasMatch())
        return invalid(name, place + QStringLiteral(" has the id %1: it should be 1 to 64 letters, "
                                                    "digits, - or _")
                                         .arg(QString::fromUtf8(toBytes(*id))));
    return text;
}

Result<Cell> cellOf(const Json &json, int minor, const QString &name, const QString &place)
{
    if (!json.is_object())
        return invalid(name, place + QStringLiteral(" is not an object: remove it"));
    Cell cell;
    const auto kind = kindOf(json, name, place);
    if (!kind)
        return fail(kind.error());
    cell.kind = *kind;
    const auto id = idOf(json, minor, name, place);
    if (!id)
        return fail(id.error());
    cell.id = *id;
    const Json *source = find(json, "source");
    const auto text = source ? joinedLines(*source) : std::nullopt;
    if (!text)
        return invalid(name, place + QStringLiteral(" has no source: it should be a text or a list "
                                                    "of lines"));
    cell.source = textFromUtf8(*text);
    const Json *metadata = find(json, "metadata");
    if (!metadata || !metadata->is_object())
        return invalid(name,
                       place + QStringLiteral(" has no metadata object: add \"metadata\": {}"));
    const Json *tags = find(*metadata, "tags");
    if (tags && tags->is_array()) {
        for (const Json &tag : *tags) {
            if (tag.is_string())
                cell.tags << tag.get<QString>();
        }
    }
    return cell;
}

void readMetadata(Notebook &notebook, const Json &root)
{
    const Json *metadata = find(root, "metadata");
    if (!metadata)
        return;
    if (const Json *spec = find(*metadata, "kernelspec")) {
        notebook.kernelName = textOf(*spec, "name");
        notebook.language = textOf(*spec, "language");
    }
    if (const Json *language = find(*metadata, "language_info");
        language && notebook.language.isEmpty())
        notebook.language = textOf(*language, "name");
}

Json valueAt(const QByteArray &text, Span where)
{
    return parseJson(QByteArrayView(text).sliced(where.begin, where.size())).value_or(Json());
}

Json cellAt(const QByteArray &text, Span where)
{
    if (text[where.begin] != '{')
        return valueAt(text, where);
    Json cell = Json::object();
    auto &made = cell.get_ref<Json::object_t &>();
    for (const MemberSpan &member : members(text, where)) {
        Json value;
        if (member.key == "outputs" && text[member.value.begin] == '[') {
            value = Json::array();
            for (const Span output : elements(text, member.value))
                value.push_back(text[output.begin] == '{' ? Json::object() : valueAt(text, output));
        } else {
            value = valueAt(text, member.value);
        }
        made.insert_or_assign(member.key.toStdString(), std::move(value));
    }
    return cell;
}

Json cellsAt(const QByteArray &text, const std::vector<Span> &spans)
{
    Json cells = Json::array();
    for (const Span where : spans)
        cells.push_back(cellAt(text, where));
    return cells;
}

}  // namespace

Result<Parts> takeApart(const QByteArray &text, const QString &name)
{
    Parts parts;
    if (!readTexts(text, {}, {})) {
        auto root = parseJson(text);
        if (!root)
            return invalid(name,
                           QStringLiteral("is no notebook: it is not valid JSON (%1): mend it "
                                          "there, or take a copy that is whole")
                               .arg(root.error().message));
        parts.root = std::move(*root);  // something else than an object
        return parts;
    }
    parts.whole = rootSpan(text);
    parts.members = members(text, parts.whole);
    parts.root = Json::object();
    auto &root = parts.root.get_ref<Json::object_t &>();
    for (const MemberSpan &member : parts.members) {
        const bool isCells = member.key == "cells" && text[member.value.begin] == '[';
        if (isCells)
            parts.cells = elements(text, member.value);
        root.insert_or_assign(member.key.toStdString(),
                              isCells ? cellsAt(text, parts.cells) : valueAt(text, member.value));
    }
    return parts;
}

Result<Notebook> notebookOf(const Json &root, const QString &name)
{
    const auto minor = minorVersion(root, name);
    if (!minor)
        return fail(minor.error());
    Notebook notebook;
    notebook.minor = *minor;
    const Json *metadata = find(root, "metadata");
    if (!metadata || !metadata->is_object())
        return invalid(name, QStringLiteral("is no valid notebook: it has no metadata object; add "
                                            "\"metadata\": {}"));
    readMetadata(notebook, root);
    const Json *cells = find(root, "cells");
    if (!cells || !cells->is_array())
        return invalid(name, QStringLiteral("is no valid notebook: it has no list of cells; add "
                                            "\"cells\": []"));
    QSet<QString> ids;
    for (const Json &json : *cells) {
        const QString place = QStringLiteral("cell %1").arg(notebook.cells.size());
        auto cell = cellOf(json, *minor, name, place);
        if (!cell)
            return fail(cell.error());
        if (!cell->id.isEmpty() && ids.contains(cell->id))
            return invalid(name, place + QStringLiteral(" has the id \"%1\" of an earlier cell: "
                                                        "give it another")
                                             .arg(cell->id));
        ids.insert(cell->id);
        notebook.cells << std::move(*cell);
    }
    return notebook;
}

Result<Notebook> parseNotebook(const QByteArray &text, const QString &name)
{
    const auto parts = takeApart(text, name);
    if (!parts)
        return fail(parts.error());
    return notebookOf(parts->root, name);
}

}  // namespace celldeck::notebooks
