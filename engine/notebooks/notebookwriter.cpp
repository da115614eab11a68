#include <QRandomGenerator>
#include <algorithm>
#include <map>

#include "notebooks/jsonspans.h"
#include "notebooks/notebookfile.h"
#include "notebooks/notebookreader.h"
#include "notebooks/pythonjson.h"

namespace celldeck::notebooks {

namespace {

// A notebook's cells are in the list "cells" of the root object,
constexpr int CellDepth = 2;
// and the outputs of one are three levels down.
constexpr int OutputsDepth = 3;
// Widgets are in the root object's "metadata".
constexpr int MemberDepth = 2;

struct Change
{
    Span where;
    QByteArray text;
};

QByteArray applied(const QByteArray &text, std::vector<Change> changes)
{
    std::ranges::sort(changes, {}, [](const Change &change) { return change.where.begin; });
    QByteArray out;
    qsizetype at = 0;
    for (const Change &change : changes) {
        out += text.mid(at, change.where.begin - at);
        out += change.text;
        at = change.where.end;
    }
    return out + text.mid(at);
}

/// Finds the cells that results belong to.
class CellFinder
{
public:
    explicit CellFinder(const Notebook &notebook) : m_notebook(notebook)
    {
        for (int i = 0; i < notebook.cells.size(); ++i) {
            if (!notebook.cells[i].id.isEmpty())
                m_byId.insert(notebook.cells[i].id, i);
        }
    }

    [[nodiscard]] std::optional<int> find(const CellResult &result) const
    {
        int index = m_byId.value(result.cellId, -1);
        if (index < 0) {
            index = result.index;
            if (index < 0 || index >= m_notebook.cells.size())
                return std::nullopt;
            // A cell with another id is another cell, even where the source is the same. One
            // without (the file was saved in an older format) may be it.
            if (!result.cellId.isEmpty() && !m_notebook.cells[index].id.isEmpty())
                return std::nullopt;
        }
        const Cell &cell = m_notebook.cells[index];
        return cell.kind == CellKind::Code && cell.source == result.source ? std::optional(index)
                                                                           : std::nullopt;
    }

private:
    const Notebook &m_notebook;
    QHash<QString, int> m_byId;
};

void change(std::vector<Change> &changes, const QByteArray &text,
            const std::vector<MemberSpan> &members, const char *key, const Json &now,
            const Layout &layout)
{
    if (const auto where = findMember(members, key)) {
        const QByteArray margin =
            marginAt(text, where->name.begin).value_or(layout.indent.repeated(CellDepth + 1));
        changes.push_back({where->value, toPythonJson(now, layout, margin)});
    }
}

/// As texts, since 1 and 1.0 compare equal as numbers.
bool isSame(const Json &before, const Json &now)
{
    return std::ranges::equal(before, now, [](const Json &a, const Json &b) {
        return toBytes(withJoinedLines(a)) == toBytes(withJoinedLines(b));
    });
}

void changeCell(std::vector<Change> &changes, const QByteArray &text, Span cell,
                const CellResult &result, Json outputs, const Layout &layout)
{
    const std::vector<MemberSpan> members = notebooks::members(text, cell);
    const auto before = [&text, &members](const char *key) -> std::optional<Json> {
        const auto member = findMember(members, key);
        if (!member)
            return std::nullopt;
        auto value =
            parseJson(QByteArrayView(text).sliced(member->value.begin, member->value.size()));
        return value ? std::optional(std::move(*value)) : std::nullopt;
    };
    if (const auto old = before("outputs"); old && !isSame(*old, outputs)) {
        for (Json &output : outputs)
            output = withSplitLines(std::move(output));
        change(changes, text, members, "outputs", outputs, layout);
    }
    const Json now = result.executionCount ? Json(*result.executionCount) : Json(nullptr);
    if (const auto count = before("execution_count"); count && *count != now)
        change(changes, text, members, "execution_count", now, layout);
}

/// A member of the notebook's metadata: in the place of the one of that name, or where it belongs
/// in Jupyter's order of keys.
void changeMetadata(std::vector<Change> &changes, const QByteArray &text, const Parts &parts,
                    const QByteArray &key, const Json &value, const Layout &layout)
{
    const auto metadata = findMember(parts.members, "metadata");
    const Json *before = find(parts.root, "metadata");
    if (!metadata || !before || !before->is_object())
        return;
    if (const Json *now = find(*before, key.constData())) {
        if (toBytes(*now) == toBytes(value))
            return;
        const auto where = findMember(text, metadata->value, key.constData());
        const QByteArray margin =
            marginAt(text, where->name.begin).value_or(layout.indent.repeated(MemberDepth));
        changes.push_back({where->value, toPythonJson(value, layout, margin)});
        return;
    }
    const std::vector<MemberSpan> others = members(text, metadata->value);
    if (others.empty()) {
        const QByteArray margin =
            marginAt(text, metadata->name.begin).value_or(layout.indent.repeated(MemberDepth - 1));
        changes.push_back(
            {metadata->value, toPythonJson(Json{{key.toStdString(), value}}, layout, margin)});
        return;
    }
    const QByteArray margin =
        marginAt(text, others.back().name.begin).value_or(layout.indent.repeated(MemberDepth));
    const QByteArray gap =
        layout.inLines ? QByteArray(",") + layout.newline + margin : layout.comma;
    const QByteArray member = '"' + key + '"' + layout.colon + toPythonJson(value, layout, margin);
    const auto next =
        std::ranges::find_if(others, [&key](const MemberSpan &other) { return other.key > key; });
    const qsizetype at = next == others.end() ? others.back().value.end : next->name.begin;
    changes.push_back({{at, at}, next == others.end() ? gap + member : member + gap});
}

bool isDeeperThan(const Json &value, int levels)
{
    if (!value.is_structured())
        return false;
    return levels == 0 || std::ranges::any_of(value, [levels](const Json &one) {
               return isDeeperThan(one, levels - 1);
           });
}

/// Whether a notebook can hold these outputs and still be read, by us too.
bool isWritable(const Result<Json> &outputs)
{
    return outputs && outputs->is_array() &&
           std::ranges::all_of(*outputs, [](const Json &output) { return output.is_object(); }) &&
           !isDeeperThan(*outputs, MaxJsonDepth - OutputsDepth);
}

QString newCellId(const Notebook &notebook)
{
    const auto isTaken = [&notebook](const QString &id) {
        return std::ranges::any_of(notebook.cells,
                                   [&id](const Cell &cell) { return cell.id == id; });
    };
    QString id;
    do {  // eight hexadecimal digits, as nbformat makes them
        id = QStringLiteral("%1").arg(QRandomGenerator::system()->generate(), 8, 16, QChar(u'0'));
    } while (isTaken(id));
    return id;
}

int firstTagged(const Notebook &notebook, QLatin1String tag)
{
    const auto found = std::ranges::find_if(
        notebook.cells, [tag](const Cell &cell) { return cell.tags.contains(tag); });
    return found == notebook.cells.end() ? -1 : static_cast<int>(found - notebook.cells.begin());
}

QByteArray cellMargin(const QByteArray &text, const Layout &layout, qsizetype at)
{
    return marginAt(text, at).value_or(layout.indent.repeated(CellDepth));
}

}  // namespace

Result<Merge> mergeResults(const QByteArray &text, const QList<CellResult> &results,
                           const std::optional<Json> &widgets, const QString &name)
{
    const auto parts = takeApart(text, name);
    if (!parts)
        return fail(parts.error());
    const auto notebook = notebookOf(parts->root, name);
    if (!notebook)
        return fail(notebook.error());
    const Layout layout = layoutOf(text, parts->members);
    const CellFinder finder(*notebook);
    // A cell that ran more than once has the results of its last run.
    std::map<int, const CellResult *> last;
    Merge merge;
    for (const CellResult &result : results) {
        const auto index = finder.find(result);
        if (index)
            last[*index] = &result;
        else
            merge.missed << result.index;
    }
    std::vector<Change> changes;
    for (const auto &[index, result] : last) {
        const auto at = static_cast<size_t>(index);
        auto outputs = parseJson(result->outputs);
        if (isWritable(outputs))
            changeCell(changes, text, parts->cells[at], *result, std::move(*outputs), layout);
        else
            merge.missed << result->index;
    }
    if (widgets && widgets->is_object() && !isDeeperThan(*widgets, MaxJsonDepth - MemberDepth))
        changeMetadata(changes, text, *parts, "widgets", *widgets, layout);
    merge.text = applied(text, std::move(changes));
    if (merge.text.size() > MaxNotebookBytes && merge.text.size() > text.size())
        return fail(ErrorCode::TooLarge,
                    name + QStringLiteral(": it would have %1 bytes with its outputs, and at most "
                                          "%2 are read: print less, or clear its outputs")
                               .arg(merge.text.size())
                               .arg(MaxNotebookBytes));
    return merge;
}

Result<QByteArray> withLanguage(const QByteArray &text, const Json &languageInfo)
{
    const QString name = QStringLiteral("the notebook");
    const auto parts = takeApart(text, name);
    if (!parts)
        return fail(parts.error());
    const Json *metadata = find(parts->root, "metadata");
    if (!metadata || find(*metadata, "language_info") || !languageInfo.is_object() ||
        isDeeperThan(languageInfo, MaxJsonDepth - MemberDepth))
        return text;
    std::vector<Change> changes;
    changeMetadata(changes, text, *parts, "language_info", languageInfo,
                   layoutOf(text, parts->members));
    return applied(text, std::move(changes));
}

Result<Parameterized> withParameters(const QByteArray &text, const Parameters &parameters)
{
    const QString name = QStringLiteral("the notebook");
    const auto parts = takeApart(text, name);
    if (!parts)
        return fail(parts.error());
    const auto notebook = notebookOf(parts->root, name);
    if (!notebook)
        return fail(notebook.error());
    const std::vector<Span> &spans = parts->cells;
    const Layout layout = layoutOf(text, parts->members);
    const int old = firstTagged(*notebook, QLatin1String("injected-parameters"));
    const int after = firstTagged(*notebook, QLatin1String("parameters"));

    Json cell{{"cell_type", "code"},
              {"execution_count", nullptr},
              {"metadata", {{"tags", Json::array({"injected-parameters"})}}},
              {"outputs", Json::array()},
              {"source", splitLines("# Parameters\n" + parameters.assignments.toStdString())}};
    QString id;
    if (notebook->minor >= 5) {
        // The id of the cell that it takes the place of, so that the same call gives the same text.
        const QString known = old >= 0 ? notebook->cells[old].id : parameters.cellId;
        id = known.isEmpty() ? newCellId(*notebook) : known;
        cell["id"] = id;
    }
    if (spans.empty()) {
        const auto cells = findMember(parts->members, "cells");
        const QByteArray margin =
            marginAt(text, cells->name.begin).value_or(layout.indent.repeated(CellDepth - 1));
        return Parameterized{
            applied(text, {{cells->value, toPythonJson(Json::array({cell}), layout, margin)}}), id};
    }
    const auto beside = static_cast<size_t>(old >= 0 ? old : std::max(after, 0));
    const QByteArray margin = cellMargin(text, layout, spans[beside].begin);
    const QByteArray written = toPythonJson(cell, layout, margin);
    const QByteArray gap =
        layout.inLines ? QByteArray(",") + layout.newline + margin : layout.comma;
    const auto [begin, end] = spans[beside];
    Change change{{end, end}, gap + written};  // behind `parameters`
    if (old >= 0)
        change = {{begin, end}, written};
    else if (after < 0)
        change = {{begin, begin}, written + gap};
    return Parameterized{applied(text, {std::move(change)}), id};
}

}  // namespace celldeck::notebooks
