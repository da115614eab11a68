/// The storage room beside bare SQLite and beside the Python server's way: the figures of issue 3.
///
///     cmake --preset bench && ninja -C build/bench bench_storage
///     build/bench/tests/bench/bench_storage [--only NAME,…] [--rounds N] [--dir FOLDER]
///
/// Names: submissions, one, restore, pages, sizes, cleanup, backup; and profile, which is no
/// measure but something for perf to look at. Prints ratios; baseline and ours take turns in the
/// same run, and the median of the rounds' ratios counts, since machines are shared and noisy: the
/// disk of one minute is not that of the next. Exits with 1 if an aim was
/// missed. FOLDER is where the databases are made: its disk is what is measured.
///
/// `--smoke` is for ctest: a little of everything, and only the sizes decide.

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QDir>
#include <QTemporaryDir>
#include <cstdio>

#include "bench/bench.h"

namespace celldeck::bench {

storage::TaskDraft draftOf(int notebook, int number)
{
    storage::TaskDraft draft;
    draft.notebookPath = QStringLiteral("/home/somebody/notebooks/analysis-%1.ipynb").arg(notebook);
    draft.cellIndex = number;
    draft.cellId = QString::number(0x5a000000U + uint(number) * 7919U, 16);
    draft.code =
        QStringLiteral("total_%1 = frame[\"price_%1\"].sum()\nprint(total_%1)").arg(number);
    draft.kernelName = QStringLiteral("python3");
    return draft;
}

double percentile(QList<double> values, double share)
{
    if (values.isEmpty())
        giveUp(QStringLiteral("nothing was measured"));
    std::ranges::sort(values);
    return values[std::min(values.size() - 1, qsizetype(double(values.size()) * share))];
}

double median(QList<double> values)
{
    return percentile(std::move(values), 0.5);
}

double ratio(const QList<double> &ours, const QList<double> &baseline)
{
    QList<double> ratios;
    for (qsizetype round = 0; round < ours.size(); ++round)
        ratios << ours.at(round) / baseline.at(round);
    return median(std::move(ratios));
}

double seconds(const std::function<void()> &work)
{
    const auto begun = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

QString newFolder(const QString &folder)
{
    static int count = 0;
    const QString made = folder + QStringLiteral("/%1").arg(++count);
    if (!QDir().mkpath(made))
        giveUp(QStringLiteral("%1 cannot be made").arg(made));
    return made;
}

void giveUp(const QString &why)
{
    std::fprintf(stderr, "bench_storage: %s\n", qUtf8Printable(why));
    std::exit(2);
}

namespace {

struct Measure
{
    const char *name;
    Aims (*take)(const Scale &scale, const QString &folder);
};
constexpr Measure Measures[] = {{"submissions", submissions},
                                {"one", oneClient},
                                {"restore", restoring},
                                {"pages", pages},
                                {"sizes", sizes},
                                {"cleanup", besideCleanup},
                                {"backup", besideBackup}};
constexpr Measure Profile{"profile", profile};

constexpr Scale Smoke{.rounds = 1,
                      .clients = 8,
                      .submissions = 10,
                      .pythonRows = 10,
                      .commits = 20,
                      .pending = 1'000,
                      .many = 5'000,
                      .cleaned = 2'000,
                      .stored = 20'000};

bool isMet(const Aim &aim)
{
    switch (aim.kind) {
    case Aim::Kind::AtLeast:
        return aim.value >= aim.limit;
    case Aim::Kind::AtMost:
        return aim.value <= aim.limit;
    case Aim::Kind::Shown:
        break;
    }
    return true;
}

QString wanted(const Aim &aim)
{
    if (aim.kind == Aim::Kind::Shown)
        return QStringLiteral("no aim");
    return QStringLiteral("aim: %1 %2")
        .arg(aim.kind == Aim::Kind::AtLeast ? QStringLiteral("at least")
                                            : QStringLiteral("at most"))
        .arg(aim.limit, 0, 'f', 2);
}

}  // namespace

}  // namespace celldeck::bench

int main(int argc, char **argv)
{
    using namespace celldeck::bench;
    const QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.addHelpOption();
    parser.addOptions(
        {{QStringLiteral("only"), QStringLiteral("Measures"), QStringLiteral("NAMES")},
         {QStringLiteral("rounds"), QStringLiteral("Rounds"), QStringLiteral("N")},
         {QStringLiteral("dir"), QStringLiteral("Folder"), QStringLiteral("FOLDER")},
         {QStringLiteral("smoke"), QStringLiteral("A little of everything")}});
    parser.process(app);
    const bool isSmoke = parser.isSet(QStringLiteral("smoke"));
    Scale scale = isSmoke ? Smoke : Scale{};
    if (parser.isSet(QStringLiteral("rounds")))
        scale.rounds = parser.value(QStringLiteral("rounds")).toInt();
    const QStringList only =
        parser.value(QStringLiteral("only")).split(QLatin1Char(','), Qt::SkipEmptyParts);
    const QString base = parser.isSet(QStringLiteral("dir")) ? parser.value(QStringLiteral("dir"))
                                                             : QDir::tempPath();
    Aims aims;
    for (const Measure &measure : Measures) {
        if (!only.isEmpty() && !only.contains(QLatin1String(measure.name)))
            continue;
        const QTemporaryDir folder(base + QStringLiteral("/bench_storage-XXXXXX"));
        aims += measure.take(scale, folder.path());
        std::fflush(stdout);
    }
    if (only.contains(QLatin1String(Profile.name))) {
        const QTemporaryDir folder(base + QStringLiteral("/bench_storage-XXXXXX"));
        aims += Profile.take(scale, folder.path());
    }
    std::printf("\n");
    bool isGood = true;
    for (const Aim &aim : aims) {
        const bool met = isMet(aim);
        isGood &= met || (isSmoke && !aim.isSize);
        std::printf("%-60s %10.3f   %s%s\n", qUtf8Printable(aim.name), aim.value,
                    qUtf8Printable(wanted(aim)), met ? "" : "   MISSED");
    }
    return isGood ? 0 : 1;
}
