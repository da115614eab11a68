#include <QFileInfo>
#include <QSet>

#include "bench/baresqlite.h"
#include "bench/ours.h"
#include "storage/taskcleaner.h"

using namespace celldeck::storage;
using celldeck::test::await;

namespace celldeck::bench {

namespace {

constexpr int Cells = 50;

/// What is run, again and again.
struct Mix
{
    const char *name;
    bool isUsual;  ///< the small cell of CONTRACT.md section 6
    QString (*code)(int number);
    QByteArray (*outputs)(int number);
};

QString sameCode(int number)
{
    return QStringLiteral("print('cell %1')").arg(number % Cells);
}

QString newCode(int number)
{
    return QStringLiteral("total_%1 = frame[\"price_%1\"].sum()\nprint(total_%1)").arg(number);
}

QByteArray nothing(int /*number*/)
{
    return "[]";
}

QByteArray printed(const QByteArray &text)
{
    return R"([{"name":"stdout","output_type":"stream","text":")" + text + R"("}])";
}

QByteArray sameLine(int number)
{
    return printed("cell " + QByteArray::number(number % Cells) + "\\n");
}

QByteArray newNumber(int number)
{
    return printed(QByteArray::number(number) + "\\n");
}

/// 20 to 200 characters of which no two are alike.
QByteArray newLine(int number)
{
    return printed("step " + QByteArray::number(number) + ": " +
                   QByteArray(number % 180, char('a' + number % 26)) + "\\n");
}

/// No form of the usual ones.
QByteArray newDisplay(int number)
{
    return R"([{"data":{"text/html":"<b>)" + QByteArray::number(number) +
           R"(</b>","text/plain":"<IPython.core.display.HTML object>"},"metadata":{},)"
           R"("output_type":"display_data"}])";
}

QByteArray someLong(int number)
{
    if (number % 20 != 0)
        return sameLine(number);
    QByteArray table;
    for (int row = 0; table.size() < 5'000; ++row)
        table += "row " + QByteArray::number(number + row) + "  3.14\\n";
    return printed(table);
}

constexpr Mix Mixes[] = {{"cells run again", true, sameCode, sameLine},
                         {"cells run again, silent", true, sameCode, nothing},
                         {"cells run again, each prints another number", true, sameCode, newNumber},
                         {"cells run again, other 20-200 characters", false, sameCode, newLine},
                         {"cells run again, other HTML", false, sameCode, newDisplay},
                         {"cells run again, every 20th another 5 kB", false, sameCode, someLong},
                         {"other code, silent", false, newCode, nothing},
                         {"other code, other 20-200 characters", false, newCode, newLine}};

struct Sizes
{
    qint64 file = 0;
    qint64 own = 0;      ///< code and outputs, once each
    qint64 outputs = 0;  ///< all that was recorded
};

Sizes fill(const Mix &mix, int tasks, const QString &file)
{
    Sizes sizes;
    QSet<QByteArray> seen;
    const auto count = [&](const QByteArray &content) {
        if (!seen.contains(content)) {
            seen.insert(content);
            sizes.own += content.size();
        }
    };
    Database database(file);
    TaskStore store(database);
    TaskCleaner cleaner(database, store);
    must(database.open());
    UtcTime now = SystemClock().now();
    constexpr int AtOnce = 1'000;
    for (int first = 0; first < tasks; first += AtOnce) {
        QList<TaskDraft> drafts;
        for (int i = first; i < first + AtOnce; ++i) {
            drafts << draftOf(0, i % Cells);
            drafts.last().code = mix.code(i);
            count(drafts.last().code.toUtf8());
        }
        const auto records = must(await(store.insert(drafts, now)));
        Waiter<> last;
        for (int i = 0; i < AtOnce; ++i) {
            now += Milliseconds(7);
            (void)store.markRunning(records[i].id, "0123456789-0123456789_1234_17", now);
            TaskOutcome outcome;
            outcome.executionCount = i;
            outcome.outputs = mix.outputs(first + i);
            outcome.finishedAt = now + Milliseconds(5);
            if (outcome.outputs != "[]")
                count(outcome.outputs);
            sizes.outputs += outcome.outputs.size();
            last = store.finish(records[i].id, outcome);
        }
        must(await(last));
    }
    must(await(cleaner.runOnce({}, CleanupMode::Remove, now)));
    database.close();
    sizes.file = QFileInfo(file).size();
    return sizes;
}

}  // namespace

Aims sizes(const Scale &scale, const QString &folder)
{
    // What an empty database has: each table and index its first page.
    constexpr int FixedBytes = 100'000;
    constexpr double PerTask = 50;
    Aims aims;
    std::printf("%-46s %8s %8s %8s\n", "bytes of a task", "in all", "its own", "over");
    for (const Mix &mix : Mixes) {
        const QString file = newFolder(folder) + QStringLiteral("/sizes.db");
        const Sizes sizes = fill(mix, scale.stored, file);
        const std::int64_t shown = BareSqlite(file).number(
            "SELECT sum(length(CAST(outputs_json AS BLOB)) * json_valid(outputs_json))"
            " FROM execution_queue WHERE status = 'completed'");
        if (shown != sizes.outputs)
            giveUp(QStringLiteral("%1: the view shows %2 bytes of outputs, not %3")
                       .arg(QLatin1String(mix.name))
                       .arg(shown)
                       .arg(sizes.outputs));
        const double all =
            double(sizes.file - (scale.stored < 100'000 ? FixedBytes : 0)) / double(scale.stored);
        const double own = double(sizes.own) / double(scale.stored);
        std::printf("%-46s %8.1f %8.1f %8.1f\n", mix.name, all, own, all - own);
        const QString name = QStringLiteral("bytes of a task: ") + QLatin1String(mix.name);
        if (mix.isUsual)
            aims << Aim{name, all, Aim::Kind::AtMost, PerTask, true};
        else
            aims << Aim{name + QStringLiteral(" (over)"), all - own, Aim::Kind::AtMost, PerTask};
    }
    return aims;
}

}  // namespace celldeck::bench
