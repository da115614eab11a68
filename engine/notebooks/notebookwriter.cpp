#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <QFileInfo>
#include <QRandomGenerator>

#include <cerrno>
#include <cstring>

#include "notebooks/jsonspans.h"
#include "notebooks/notebookfile.h"
#include "notebooks/pythonjson.h"

namespace celldeck::notebooks {

namespace {

// A notebook's cells are in the list "cells" of the root object.
constexpr int CellDepth = 2;

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

std::optional<int> place(const Notebook &notebook, const CellResult &result)
{
    const auto isIt = [&](const Cell &cell) {
        return cell.kind == CellKind::Code && cell.source == result.source;
    };
    if (!result.cellId.isEmpty()) {
        for (int i = 0; i < notebook.cells.size(); ++i) {
            if (notebook.cells[i].id == result.cellId)
                return isIt(notebook.cells[i]) ? std::optional(i) : std::nullopt;
        }
        return std::nullopt;
    }
    if (result.index >= 0 && result.index < notebook.cells.size() &&
        isIt(notebook.cells[result.index]))
        return result.index;
    return std::nullopt;
}

/// Adds the change of one member, unless what is there means the same.
void change(std::vector<Change> &changes, const QByteArray &text, Span cell, const char *key,
            const Json &now, const Json &before, const Layout &layout)
{
    if (now == before)
        return;
    if (const auto where = member(text, cell, key))
        changes.push_back({*where, toPythonJson(now, layout, CellDepth + 1)});
}

Json mapped(const Json &outputs, Json (*function)(Json))
{
    Json all = Json::array();
    for (const Json &output : outputs)
        all.push_back(function(output));
    return all;
}

void changeCell(std::vector<Change> &changes, const QByteArray &text, Span cell, const Json &before,
                const CellResult &result, const Layout &layout)
{
    const Json *outputs = find(before, "outputs");
    if (outputs && mapped(*outputs, withJoinedLines) != mapped(result.outputs, withJoinedLines))
        change(changes, text, cell, "outputs", mapped(result.outputs, withSplitLines), *outputs,
               layout);
    const Json *count = find(before, "execution_count");
    const Json now = result.executionCount ? Json(*result.executionCount) : Json(nullptr);
    if (count)
        change(changes, text, cell, "execution_count", now, *count, layout);
}

std::unexpected<Error> ioError(const QString &path, const char *doing)
{
    return fail(ErrorCode::Io,
                QStringLiteral("%1 cannot be written (%2: %3)")
                    .arg(path, QLatin1String(doing), QString::fromLocal8Bit(std::strerror(errno))));
}

class Descriptor
{
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    ~Descriptor()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    [[nodiscard]] int get() const { return m_fd; }

private:
    int m_fd;
};

Result<> fill(int fd, const QString &path, const QByteArray &bytes)
{
    qsizetype done = 0;
    while (done < bytes.size()) {
        const ssize_t now =
            ::write(fd, bytes.constData() + done, static_cast<size_t>(bytes.size() - done));
        if (now < 0 && errno == EINTR)
            continue;
        if (now < 0)
            return ioError(path, "write");
        done += now;
    }
    if (::fsync(fd) != 0)
        return ioError(path, "fsync");
    return {};
}

QByteArray randomId()
{
    return QByteArray::number(QRandomGenerator::system()->generate(), 16).rightJustified(8, '0');
}

}  // namespace

Result<Merge> mergeResults(const QByteArray &text, const QList<CellResult> &results)
{
    const auto notebook = parseNotebook(text, QStringLiteral("the notebook"));
    if (!notebook)
        return fail(notebook.error());
    const auto root = parseJson(text);
    if (!root)
        return fail(root.error());
    const auto cells = member(text, rootSpan(text), "cells");
    if (!cells)
        return fail(ErrorCode::InvalidArgument, QStringLiteral("the notebook has no cells"));
    const std::vector<Span> spans = elements(text, *cells);
    const Layout layout = layoutOf(text);
    // A cell that ran more than once has the results of its last run.
    std::map<int, const CellResult *> last;
    Merge merge;
    for (const CellResult &result : results) {
        if (const auto index = place(*notebook, result))
            last[*index] = &result;
        else
            merge.missed << result.index;
    }
    std::vector<Change> changes;
    for (const auto &[index, result] : last) {
        const auto at = static_cast<size_t>(index);
        changeCell(changes, text, spans[at], root->at("cells")[at], *result, layout);
    }
    merge.text = applied(text, std::move(changes));
    return merge;
}

Result<QList<int>> writeResults(const QString &source, const QString &target,
                                const QList<CellResult> &results)
{
    const auto text = readNotebookText(source);
    if (!text)
        return fail(text.error());
    auto merge = mergeResults(*text, results);
    if (!merge)
        return fail(merge.error().code, source + QStringLiteral(": ") + merge.error().message);
    if (source == target && merge->text == *text)
        return merge->missed;
    if (const Result<> written = writeAtomically(target, merge->text); !written)
        return fail(written.error());
    return merge->missed;
}

Result<QByteArray> withParameters(const QByteArray &text, const QString &assignments)
{
    const auto notebook = parseNotebook(text, QStringLiteral("the notebook"));
    if (!notebook)
        return fail(notebook.error());
    const auto cells = member(text, rootSpan(text), "cells");
    if (!cells)
        return fail(ErrorCode::InvalidArgument, QStringLiteral("the notebook has no cells"));
    const std::vector<Span> spans = elements(text, *cells);
    const Layout layout = layoutOf(text);

    Json cell{{"cell_type", "code"},
              {"execution_count", nullptr},
              {"metadata", {{"tags", Json::array({"injected-parameters"})}}},
              {"outputs", Json::array()},
              {"source", splitLines("# Parameters\n" + assignments.toStdString())}};
    if (notebook->minor >= 5)
        cell["id"] = randomId().toStdString();
    const QByteArray written = toPythonJson(cell, layout, CellDepth);

    const auto tagged = [&](const char *tag) {
        for (int i = 0; i < notebook->cells.size(); ++i) {
            if (notebook->cells[i].tags.contains(QLatin1String(tag)))
                return i;
        }
        return -1;
    };
    if (const int old = tagged("injected-parameters"); old >= 0)
        return applied(text, {{spans[static_cast<size_t>(old)], written}});
    QByteArray gap = layout.indent.isEmpty() ? layout.comma : QByteArray(",") + layout.newline;
    if (!layout.indent.isEmpty())
        gap += layout.indent + layout.indent;
    if (const int after = tagged("parameters"); after >= 0) {
        const qsizetype end = spans[static_cast<size_t>(after)].end;
        return applied(text, {{{end, end}, gap + written}});
    }
    if (spans.empty())
        return applied(text, {{*cells, toPythonJson(Json::array({cell}), layout, 1)}});
    return applied(text, {{{spans[0].begin, spans[0].begin}, written + gap}});
}

Result<> writeAtomically(const QString &path, const QByteArray &bytes)
{
    const QFileInfo info(path);
    // A link stays a link: the file behind it is exchanged.
    const QString target = info.exists() ? info.canonicalFilePath() : info.absoluteFilePath();
    const QByteArray folder = QFile::encodeName(QFileInfo(target).absolutePath());
    const QByteArray temporary = folder + "/.celldeck-" + randomId() + randomId();
    const Descriptor file(
        ::open(temporary.constData(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.get() < 0)
        return ioError(target, "create");
    const auto giveUp = [&temporary](std::unexpected<Error> error) {
        ::unlink(temporary.constData());
        return error;
    };
    if (const Result<> filled = fill(file.get(), target, bytes); !filled)
        return giveUp(fail(filled.error()));
    struct stat old = {};
    const bool there = ::stat(QFile::encodeName(target).constData(), &old) == 0;
    if (there && ::fchmod(file.get(), old.st_mode & 07777) != 0)
        return giveUp(ioError(target, "chmod"));
    if (::rename(temporary.constData(), QFile::encodeName(target).constData()) != 0)
        return giveUp(ioError(target, "rename"));
    const Descriptor directory(::open(folder.constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || ::fsync(directory.get()) != 0)
        return ioError(target, "fsync of its folder");
    return {};
}

}  // namespace celldeck::notebooks
