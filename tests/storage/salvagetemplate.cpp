#include "salvagetemplate.h"

#include <QFile>
#include <QFileInfo>
#include <QtTest>
#include <algorithm>

#include "support/await.h"

using namespace celldeck::storage;

namespace celldeck::test {

namespace {

Result<> finishSome(TaskStore &store, const QList<TaskRecord> &tasks)
{
    QList<Waiter<>> ends;
    for (qsizetype i = 0; i < tasks.size(); i += 2) {
        TaskOutcome outcome;
        outcome.state = i % 3 == 0 ? TaskState::Failed : TaskState::Completed;
        outcome.finishedAt = Start + Milliseconds(i);
        // A few go over more than one page.
        const QByteArray text = QByteArray::number(i).repeated(i % 50 == 0 ? 4'000 : 200);
        outcome.outputs = R"([{"name":"stdout","output_type":"stream","text":")" + text + R"("}])";
        ends << store.finish(tasks[i].id, outcome);
    }
    for (const Waiter<> &end : ends) {
        if (const Result<> done = await(end); !done)
            return done;
    }
    return {};
}

/// A page that leads to others is made anew from the pointer map, which is on page 2.
constexpr int MapPage = 2;

Result<std::map<int, int>> rowsOfPages(Connection &connection)
{
    std::map<int, int> rows;
    const Result<> read = connection.queryOnce(
        QStringLiteral("SELECT pageno, CASE pagetype WHEN 'leaf' THEN ncell WHEN 'overflow' THEN 1"
                       " ELSE 0 END FROM dbstat WHERE name = 'task'"),
        {}, [&rows](const Row &row) { rows[int(row.integer(0))] = int(row.integer(1)); });
    if (!read)
        return fail(read.error());
    return rows;
}

Result<QSet<int>> schemaPages(Connection &connection)
{
    QSet<int> pages;
    const Result<> read =
        connection.queryOnce(QStringLiteral("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'"
                                            " AND pagetype = 'leaf'"),
                             {}, [&pages](const Row &row) { pages << int(row.integer(0)); });
    if (!read)
        return fail(read.error());
    return pages;
}

}  // namespace

int Template::lostWith(const std::function<bool(int)> &isDamaged) const
{
    int lost = 0;
    for (const auto &[page, ofPage] : rows) {
        const bool leads = ofPage == 0;
        if (isDamaged(page))
            lost += leads && isDamaged(MapPage) ? Tasks : ofPage;
    }
    return std::min(lost, Tasks);
}

QByteArray bytesOf(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

TaskDraft draftOf(int number)
{
    TaskDraft made;
    made.notebookPath = QStringLiteral("/n/%1.ipynb").arg(number % 7);
    made.cellIndex = number;
    made.code = QStringLiteral("print(%1)  # ").arg(number).repeated(1 + number % 9);
    made.kernelName = QStringLiteral("python3");
    if (number % 5 == 0)
        made.key = QStringLiteral("key-%1").arg(number);
    return made;
}

Result<Template> fill(Database &database)
{
    TaskStore store(database);
    if (const Result<> opened = database.open(); !opened)
        return fail(opened.error());
    QList<TaskRecord> tasks;
    for (int i = 0; i < Tasks; i += 100) {
        // What a log has is in the file itself when nothing comes: so both have a part.
        const auto isMoved = [&] { return QFileInfo(database.file()).size() > 10 * PageBytes; };
        if (i > 0 && !QTest::qWaitFor(isMoved, 30'000))
            return fail(ErrorCode::Timeout, QStringLiteral("the log is not moved"));
        QList<TaskDraft> drafts;
        for (int k = i; k < i + 100; ++k)
            drafts << draftOf(k);
        const auto added = await(store.insert(drafts, Start + Milliseconds(i)));
        if (!added)
            return fail(added.error());
        tasks += *added;
    }
    if (const Result<> finished = finishSome(store, tasks); !finished)
        return fail(finished.error());
    Template made;
    for (const TaskRecord &task : std::as_const(tasks)) {
        const auto detail = await(store.load(task.id));
        if (!detail)
            return fail(detail.error());
        made.tasks[qint64(task.id.value())] = *detail;
    }
    const auto schema = await(database.read<QSet<int>>(schemaPages));
    if (!schema)
        return fail(schema.error());
    made.schema = *schema;
    const auto rows = await(database.read<std::map<int, int>>(rowsOfPages));
    if (!rows)
        return fail(rows.error());
    made.rows = *rows;
    made.main = bytesOf(database.file());
    made.wal = bytesOf(database.file() + QStringLiteral("-wal"));
    return made;
}

}  // namespace celldeck::test
