#pragma once

#include <QBuffer>
#include <QDir>
#include <QFile>
#include <QImage>
#include <QRandomGenerator>
#include <QTemporaryDir>

#include "assets/assetstore.h"
#include "storage/database.h"
#include "support/await.h"

namespace celldeck::test {

constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};

/// A store, its leases and a notebook, in a folder of their own.
struct AssetFixture
{
    explicit AssetFixture(const QString &directory = {},
                          assets::Takes takes = assets::Takes::BigParts)
        : database(dir.filePath(QStringLiteral("state.db"))),
          leases(database),
          keeper(leases, clock),
          notebook(dir.filePath(QStringLiteral("w/a.ipynb"))),
          store(keeper, {.directory = directory, .takes = takes})
    {
        QDir().mkpath(dir.filePath(QStringLiteral("w")));
        opened = database.open();
        if (opened)
            opened = await(keeper.start());
    }

    Result<assets::HandedOver> handOver(const Json &outputs)
    {
        return await(store.handOver(notebook, outputs, storage::TaskId()));
    }
    [[nodiscard]] QStringList files() const
    {
        return QDir(dir.filePath(QStringLiteral("w/assets"))).entryList(QDir::Files, QDir::Name);
    }

    QTemporaryDir dir;
    ManualClock clock{Start};
    storage::Database database;
    storage::LeaseStore leases;
    assets::LeaseKeeper keeper;
    const QString notebook;
    assets::AssetStore store;
    Result<> opened;
};

inline QByteArray read(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("not there");
}

inline Json stream(const QByteArray &text)
{
    return Json::array(
        {{{"output_type", "stream"}, {"name", "stdout"}, {"text", text.toStdString()}}});
}

inline Json picture(const QByteArray &png)
{
    return Json::array({{{"output_type", "display_data"},
                         {"data", {{"image/png", png.toBase64().toStdString()}}},
                         {"metadata", Json::object()}}});
}

enum class Look { Plain, Noisy };

inline QByteArray png(int width, int height, Look look)
{
    QImage image(width, height, QImage::Format_ARGB32);
    image.fill(Qt::transparent);
    auto random = QRandomGenerator(7);
    if (look == Look::Noisy) {
        for (int y = 0; y < height; ++y)
            random.generate(reinterpret_cast<quint32 *>(image.scanLine(y)),
                            reinterpret_cast<quint32 *>(image.scanLine(y)) + width);
    }
    QByteArray bytes;
    QBuffer buffer(&bytes);
    image.save(&buffer, "PNG");
    return bytes;
}

}  // namespace celldeck::test
