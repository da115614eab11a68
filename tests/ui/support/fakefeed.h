#pragma once

#include "engine/feed.h"

namespace celldeck::ui::test {

/// A feed that answers only when the test says so, and remembers what it was asked.
class FakeFeed : public Feed
{
public:
    void requestTasks(int limit) override { asked.append(QStringLiteral("list %1").arg(limit)); }
    void watchTask(storage::TaskId id) override
    {
        asked.append(QStringLiteral("watch ") + storage::toText(id));
    }
    void runNotebook(const QString &path) override { asked.append(QStringLiteral("run ") + path); }
    void answerInput(storage::TaskId id, const QString &text) override
    {
        asked.append(QStringLiteral("answer %1 %2").arg(toText(id), text));
    }
    void cancelTask(storage::TaskId id) override
    {
        asked.append(QStringLiteral("cancel ") + storage::toText(id));
    }

    [[nodiscard]] qsizetype watches() const
    {
        return asked.filter(QStringLiteral("watch ")).size();
    }

    QStringList asked;
};

}  // namespace celldeck::ui::test
