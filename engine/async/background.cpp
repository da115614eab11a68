#include "async/background.h"

#include <QCoreApplication>
#include <algorithm>

#include "async/workers.h"

namespace celldeck {

namespace {

// They wait for the disk more than they compute.
constexpr unsigned FewestWorkers = 4;

Workers &workers()
{
    static Workers all(std::max(FewestWorkers, std::thread::hardware_concurrency()));
    // Before the application is gone: work may need it (plugins for images), and what Qt makes when
    // it is first used ends before what was made earlier.
    static const bool isAdded = [] {
        qAddPostRoutine(finishBackground);
        return true;
    }();
    Q_UNUSED(isAdded)
    return all;
}

}  // namespace

void startInBackground(std::function<void()> work)
{
    workers().start(std::move(work));
}

void finishBackground()
{
    workers().finish();
}

}  // namespace celldeck
