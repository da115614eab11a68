// Shows the console with made-up tasks, to look at: gallery [light|dark] [empty] [error]
// [question|password] [notice]
#include <QApplication>
#include <QBuffer>
#include <QPainter>
#include <QTableView>
#include <QTimer>
#include <cmath>

#include "base/json.h"
#include "ui/mainwindow.h"
#include "ui/models/taskmodel.h"
#include "ui/panels/queuepanel.h"
#include "ui/panels/taskspanel.h"
#include "ui/support/fakefeed.h"
#include "ui/theme.h"
#include "ui/widgets/sparkline.h"

using namespace celldeck;
using namespace celldeck::ui;
using storage::TaskRecord;
using storage::TaskState;

namespace {

struct Example
{
    const char *notebook;
    const char *code;
    TaskState state;
    int milliseconds;
    const char *error;
};

constexpr std::array Examples{
    Example{"training.ipynb", "model.fit(X_train, y_train,\n          epochs=40)",
            TaskState::Running, 83'000, ""},
    Example{"training.ipynb", "model.evaluate(X_test, y_test)", TaskState::Pending, 0, ""},
    Example{"etl/load-orders.ipynb",
            "import pandas as pd\n\n# the raw export of the shop\norders = "
            "pd.read_parquet(\"orders.parquet\")\n\n\n@cached\ndef by_month(frame):\n    \"\"\"One "
            "row a month.\"\"\"\n    return frame.groupby(frame.date.dt.month).sum()\n\n"
            "by_month(orders).plot(kind='bar', width=0.8)",
            TaskState::Completed, 1'840, ""},
    Example{"etl/load-orders.ipynb", "orders.describe()", TaskState::Completed, 212, ""},
    Example{"report.ipynb", "df[\"profit\"] = df.revenue - df.cost", TaskState::Failed, 38,
            "KeyError: 'cost'"},
    Example{"report.ipynb", "df.to_excel(\"report.xlsx\")", TaskState::Cancelled, 0,
            "An earlier cell of its batch failed"},
    Example{"scrape.ipynb", "pages = [fetch(u) for u in urls]", TaskState::TimedOut, 600'000,
            "The cell ran longer than its limit of 10 min"},
    Example{"scrape.ipynb", "len(pages)", TaskState::Interrupted, 4'200,
            "The kernel went away while the cell ran"},
    Example{"notes/very-long-name-of-an-exploratory-notebook.ipynb",
            "%matplotlib inline\nimport numpy as np", TaskState::Completed, 640, ""},
};

TaskRecord example(int number, UtcTime now)
{
    const Example &from = Examples[static_cast<std::size_t>(number) % Examples.size()];
    TaskRecord task;
    const UtcTime time = now - std::chrono::seconds{number * 37 + 80};
    task.id = storage::TaskId(storage::firstIdAt(time).value() + number * 977 % 32768);
    task.notebookPath = QStringLiteral("/home/ada/work/") + QString::fromUtf8(from.notebook);
    task.cellIndex = (number * 5) % 23;
    task.code = QString::fromUtf8(from.code);
    // What waits and runs is new; the rest of the past is over.
    const bool isOld = number >= static_cast<int>(Examples.size());
    task.state = isOld && !storage::isFinal(from.state) ? TaskState::Completed : from.state;
    task.createdAt = time;
    if (task.state != TaskState::Pending && task.state != TaskState::Cancelled)
        task.startedAt = time + Milliseconds{40};
    if (storage::isFinal(task.state))
        task.finishedAt = time + Milliseconds{40 + from.milliseconds};
    if (task.state == TaskState::Completed)
        task.executionCount = number + 3;
    task.error = QString::fromUtf8(from.error);
    return task;
}

QString chart()
{
    QImage image(900, 420, QImage::Format_ARGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(0x1f77b4));
    for (int i = 0; i < 12; ++i) {
        const int height = static_cast<int>(160 + 120 * std::sin(i * 0.7) + i * 8);
        painter.drawRect(60 + i * 68, 380 - height, 48, height);
    }
    painter.setPen(Qt::black);
    painter.drawLine(40, 380, 880, 380);
    painter.drawLine(40, 20, 40, 380);
    painter.end();
    QBuffer buffer;
    image.save(&buffer, "PNG");
    return QString::fromLatin1(buffer.data().toBase64());
}

Json outputsOf(const TaskRecord &task)
{
    if (task.state == TaskState::Failed)
        return Json::array(
            {{{"output_type", "error"},
              {"ename", "KeyError"},
              {"evalue", "'cost'"},
              {"traceback",
               Json::array(
                   {"\x1b[0;31m-----------------------------------------------------------\x1b[0m",
                    "\x1b[0;31mKeyError\x1b[0m                    Traceback (most recent call "
                    "last)",
                    "Cell \x1b[0;32mIn[7], line 1\x1b[0m\n\x1b[0;32m----> 1\x1b[0m "
                    "df[\x1b[38;5;28m\"profit\"\x1b[39m] \x1b[38;5;241m=\x1b[39m df.revenue "
                    "\x1b[38;5;241m-\x1b[39m df.cost\n",
                    "\x1b[0;31mKeyError\x1b[0m: 'cost'"})}}});
    return Json::array(
        {{{"output_type", "stream"},
          {"name", "stdout"},
          {"text", "read \x1b[1m12,408\x1b[0m orders\n\x1b[32m✓ no duplicates\x1b[0m\n"}},
         {{"output_type", "stream"},
          {"name", "stderr"},
          {"text", "  0%|          |\r100%|██████████| 12/12 [00:01<00:00, 9.51it/s]\n"}},
         {{"output_type", "display_data"}, {"data", {{"image/png", chart()}}}},
         {{"output_type", "execute_result"},
          {"data", {{"text/plain", "<Axes: xlabel='date'>"}, {"application/x-thing", "abc"}}}}});
}

class GalleryFeed final : public test::FakeFeed
{
public:
    QList<TaskRecord> tasks;

    void watchTask(storage::TaskId id) override
    {
        for (const TaskRecord &task : tasks) {
            if (task.id == id)
                Q_EMIT taskLoaded({task, toBytes(outputsOf(task))});
        }
    }
};

void fillSparkline(MainWindow &window, UtcTime now)
{
    auto *sparkline = window.findChild<Sparkline *>();
    for (int second = 290; second > 0; --second) {
        const double depth = 9 + 7 * std::sin(second / 21.0) + 4 * std::sin(second / 5.0);
        if (second < 140 || second > 160)
            sparkline->addSample(now - std::chrono::seconds{second},
                                 static_cast<std::int64_t>(std::max(depth, 0.0)));
    }
}

}  // namespace

int main(int argc, char **argv)
{
    QApplication application(argc, argv);
    const QStringList arguments = QApplication::arguments();
    applyTheme(application, themeFromText(arguments.value(1)));
    GalleryFeed feed;
    MainWindow window(&feed, nullptr);
    Q_EMIT feed.endpointChanged({true, QStringLiteral("http://127.0.0.1:8431/mcp"), {}});
    window.show();
    if (!arguments.contains(QLatin1String("empty"))) {
        const UtcTime now = SystemClock().now();
        for (int i = 0; i < 300; ++i)
            feed.tasks.append(example(i, now));
        Q_EMIT feed.tasksListed(feed.tasks);
        Q_EMIT feed.statsChanged({3, 1, 12'408, 17, 4, 2, 1, 9, 3'240'000});
        fillSparkline(window, now);
        const bool isPassword = arguments.contains(QLatin1String("password"));
        const bool asks = isPassword || arguments.contains(QLatin1String("question"));
        const int row = asks ? 0 : arguments.contains(QLatin1String("error")) ? 4 : 2;
        window.tasksPanel()->table()->selectRow(row);
        if (asks)
            Q_EMIT feed.inputRequested({feed.tasks.first().id,
                                        isPassword ? QStringLiteral("Password: ")
                                                   : QStringLiteral("How many epochs more? "),
                                        isPassword});
    }
    if (arguments.contains(QLatin1String("notice")))
        Q_EMIT feed.failed(QStringLiteral("report.ipynb: there is no kernel “python3.13”"));
    return QApplication::exec();
}
