#pragma once

#include <QList>
#include <QString>
#include <chrono>
#include <functional>

#include "storage/taskrecord.h"

namespace celldeck::bench {

/// How much is measured.
struct Scale
{
    int rounds = 7;
    int clients = 64;
    int submissions = 200;  ///< of each client, in a round
    int pythonRows = 600;   ///< in a round
    int commits = 1'000;    ///< of one client alone, in a round
    int pending = 100'000;  ///< restored
    int many = 1'000'000;   ///< of which the first page is shown
    int cleaned = 100'000;
    int stored = 100'000;  ///< whose size is taken
};

/// A number that issue 3 wants at least or at most so big.
struct Aim
{
    enum class Kind { AtLeast, AtMost, Shown };
    QString name;
    double value;
    Kind kind;
    double limit;
    /// Sizes are no timings: they hold on any machine.
    bool isSize = false;
};

using Aims = QList<Aim>;

[[nodiscard]] Aims submissions(const Scale &scale, const QString &folder);
/// Those of ours alone, for perf.
[[nodiscard]] Aims profile(const Scale &scale, const QString &folder);
[[nodiscard]] Aims oneClient(const Scale &scale, const QString &folder);
[[nodiscard]] Aims restoring(const Scale &scale, const QString &folder);
[[nodiscard]] Aims pages(const Scale &scale, const QString &folder);
[[nodiscard]] Aims sizes(const Scale &scale, const QString &folder);
[[nodiscard]] Aims besideCleanup(const Scale &scale, const QString &folder);
[[nodiscard]] Aims besideBackup(const Scale &scale, const QString &folder);

/// A small cell of which no two are alike: about 60 bytes of code.
[[nodiscard]] storage::TaskDraft draftOf(int notebook, int number);
[[nodiscard]] double median(QList<double> values);
/// The median of the ratios of each round.
[[nodiscard]] double ratio(const QList<double> &ours, const QList<double> &baseline);
[[nodiscard]] double percentile(QList<double> values, double share);
/// How long `work` took, in seconds.
[[nodiscard]] double seconds(const std::function<void()> &work);
/// A new, empty folder.
[[nodiscard]] QString newFolder(const QString &folder);
/// Ends the program: a benchmark that lost something has measured nothing.
[[noreturn]] void giveUp(const QString &why);

template <class T>
auto must(Result<T> result)
{
    if (!result)
        giveUp(result.error().message);
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}

}  // namespace celldeck::bench
