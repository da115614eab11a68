#pragma once

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <atomic>

#include "assets/assetcleaner.h"
#include "storage/database.h"
#include "storage/taskstore.h"
#include "support/await.h"

/// Shared by the tests of AssetCleaner.
namespace celldeck::test {

using namespace assets;
using storage::CleanupMode;

inline constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};

inline void write(const QString &path, const QByteArray &bytes)
{
    QVERIFY(QDir().mkpath(QFileInfo(path).absolutePath()));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(bytes), bytes.size());
}

inline QByteArray notebookNaming(const QString &name)
{
    return "{\"cells\": [{\"source\": [\"![](assets/" + name.toUtf8() + ")\\n\"]}]}";
}

/// A workspace with one notebook, its assets, and a sweep whose steps a test can come between.
struct Fixture
{
    Fixture()
        : database(dir.filePath(QStringLiteral("state.db"))),
          tasks(database),
          store(database),
          keeper(store, clock),
          notebook(dir.filePath(QStringLiteral("w/a.ipynb"))),
          cleaner(std::make_unique<AssetCleaner>(
              store, keeper, QStringList{},
              [this](const QSet<QByteArray> &stems, const SearchPlaces &places) {
                  ++searches;
                  if (beforeSearch)
                      beforeSearch(searches);
                  return namedIn(stems, places);
              }))
    {
        write(notebook, "{}");
        opened = database.open();
        if (opened)
            opened = await(keeper.start());
    }

    /// A leased file of so many bytes.
    QString add(const QByteArray &content)
    {
        const QString name = nameOf(content, QStringLiteral("text/plain"));
        const QString path = dir.filePath(QStringLiteral("w/assets/") + name);
        if (!putFile(path, content) ||
            !await(keeper.grant({{path, notebook, content.size(), storage::TaskId()}})))
            return {};
        return path;
    }

    Result<SweepReport> sweep(SweepOrder order = {}) { return await(cleaner->runOnce(order)); }
    Result<SweepReport> preview() { return sweep({{}, {}, CleanupMode::Preview}); }
    [[nodiscard]] bool isKnown(const QString &asset) { return bool(await(store.find(asset))); }
    [[nodiscard]] QString trashed(const QString &asset) const
    {
        return dir.filePath(QStringLiteral("w/assets/.trash/") + QFileInfo(asset).fileName());
    }

    QTemporaryDir dir;
    ManualClock clock{Start};
    storage::Database database;
    storage::TaskStore tasks;
    storage::LeaseStore store;
    LeaseKeeper keeper;
    const QString notebook;
    std::atomic<int> searches = 0;
    std::function<void(int)> beforeSearch;  // in the background, with the number of the search
    std::unique_ptr<AssetCleaner> cleaner;
    Result<> opened;
};

}  // namespace celldeck::test
