#include <QAbstractItemModelTester>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTest>
#include <map>

#include "ui/models/taskmodel.h"
#include "ui/models/wording.h"
#include "ui/support/samples.h"

using namespace celldeck;
using namespace celldeck::ui;
using namespace celldeck::ui::test;
using storage::TaskRecord;
using storage::TaskState;

namespace {

/// What the model should hold, in the plainest way.
class Reference
{
public:
    explicit Reference(std::size_t capacity) : m_capacity(capacity) {}

    void apply(const QList<TaskRecord> &tasks)
    {
        for (const TaskRecord &task : tasks) {
            const auto known = m_tasks.find(task.id);
            if (known == m_tasks.end() || !isStale(known->second, task))
                m_tasks.insert_or_assign(task.id, task);
        }
        for (auto it = m_tasks.begin(); it != m_tasks.end() && m_tasks.size() > m_capacity;)
            it = storage::isFinal(it->second.state) ? m_tasks.erase(it) : std::next(it);
    }

    [[nodiscard]] QList<TaskRecord> newestFirst() const
    {
        QList<TaskRecord> tasks;
        for (auto it = m_tasks.rbegin(); it != m_tasks.rend(); ++it)
            tasks.append(it->second);
        return tasks;
    }

private:
    static int rank(TaskState state)
    {
        return state == TaskState::Pending ? 0 : state == TaskState::Running ? 1 : 2;
    }
    static bool isStale(const TaskRecord &known, const TaskRecord &incoming)
    {
        return rank(incoming.state) < rank(known.state);
    }

    std::map<storage::TaskId, TaskRecord> m_tasks;
    std::size_t m_capacity;
};

QList<TaskRecord> held(const TaskModel &model)
{
    QList<TaskRecord> tasks;
    for (int row = 0; row < model.rowCount(); ++row)
        tasks.append(model.taskAt(row));
    return tasks;
}

QString shown(const TaskModel &model, int row, TaskModel::Column column)
{
    return model.index(row, static_cast<int>(column)).data().toString();
}

}  // namespace

class TstTaskModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void randomEditsMatchTheReference_data();
    void randomEditsMatchTheReference();
    void aBatchOfNewTasksIsOneInsertAtTheTop();
    void neighboursChangeAsOneRange();
    void anUnchangedRecordIsNotAnnounced();
    void aCellThatAsksIsShownAsThat();
    void aFinalStateIsNotOverwrittenByAnOlderList();
    void capacityTakesTheOldestFinalNotTheWaiting();
    void runningDurationFollowsTheTime();
    void aNewDayChangesHowTimesAreWritten();
    void textsChangeWithTheRecord();
    void durations_data();
    void durations();
    void firstLines_data();
    void firstLines();
};

void TstTaskModel::randomEditsMatchTheReference_data()
{
    QTest::addColumn<int>("capacity");
    QTest::addColumn<quint32>("seed");
    for (quint32 seed = 1; seed <= 4; ++seed) {
        QTest::addRow("roomy %u", seed) << 10'000 << seed;
        QTest::addRow("tight %u", seed) << 60 << seed;
    }
}

void TstTaskModel::randomEditsMatchTheReference()
{
    QFETCH(int, capacity);
    QFETCH(quint32, seed);
    QRandomGenerator random(seed);
    TaskModel model(capacity);
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    Reference reference(static_cast<std::size_t>(capacity));
    int newest = 50;
    for (int round = 0; round < 120; ++round) {
        QList<TaskRecord> batch;
        const int size = random.bounded(1, 12);
        for (int i = 0; i < size; ++i) {
            const int number = random.bounded(3) == 0 ? newest++ : random.bounded(newest);
            batch.append(sample(number, static_cast<TaskState>(random.bounded(7))));
        }
        model.apply(batch);
        reference.apply(batch);
        QCOMPARE(held(model), reference.newestFirst());
        for (int row = 0; row < model.rowCount(); ++row)
            QCOMPARE(model.rowOf(model.taskAt(row).id), std::optional(row));
    }
    QVERIFY(!model.rowOf(idOf(newest)));
}

void TstTaskModel::aBatchOfNewTasksIsOneInsertAtTheTop()
{
    TaskModel model;
    model.apply({sample(1), sample(2)});
    const QSignalSpy inserted(&model, &TaskModel::rowsInserted);
    model.apply({sample(3), sample(5), sample(4)});
    QCOMPARE(inserted.size(), 1);
    QCOMPARE(inserted.at(0).at(1).toInt(), 0);
    QCOMPARE(inserted.at(0).at(2).toInt(), 2);
    QCOMPARE(model.taskAt(0).id, idOf(5));
    QCOMPARE(model.taskAt(4).id, idOf(1));
}

void TstTaskModel::neighboursChangeAsOneRange()
{
    TaskModel model;
    model.apply({sample(0), sample(1), sample(2), sample(3), sample(4), sample(5)});
    const QSignalSpy changed(&model, &TaskModel::dataChanged);
    model.apply({sample(1, TaskState::Running), sample(2, TaskState::Running),
                 sample(5, TaskState::Running), sample(3, TaskState::Running)});
    QCOMPARE(changed.size(), 2);
    QCOMPARE(changed.at(0).at(0).toModelIndex().row(), 2);
    QCOMPARE(changed.at(0).at(1).toModelIndex().row(), 4);
    QCOMPARE(changed.at(1).at(0).toModelIndex().row(), 0);
    QCOMPARE(changed.at(1).at(1).toModelIndex().row(), 0);
}

void TstTaskModel::aCellThatAsksIsShownAsThat()
{
    TaskModel model;
    const TaskRecord running = sample(2, TaskState::Running);
    model.apply({sample(1, TaskState::Completed), running, sample(3, TaskState::Running)});
    const QSignalSpy changes(&model, &TaskModel::dataChanged);
    const auto state = [&model](int row) { return shown(model, row, TaskModel::Column::State); };
    QCOMPARE(state(1), QStringLiteral("Running"));
    // The list of those that ask may be older, or newer, than what is known of them.
    model.setAsking({running.id, sample(1).id, sample(9).id});
    QCOMPARE(state(1), QStringLiteral("Needs input"));
    QCOMPARE(state(0), QStringLiteral("Running"));
    QCOMPARE(state(2), QStringLiteral("Completed"));
    QVERIFY(!changes.isEmpty());
    model.setAsking({});
    QCOMPARE(state(1), QStringLiteral("Running"));
}

void TstTaskModel::anUnchangedRecordIsNotAnnounced()
{
    TaskModel model;
    model.apply({sample(0), sample(1)});
    const QSignalSpy changed(&model, &TaskModel::dataChanged);
    model.apply({sample(0), sample(1)});
    QCOMPARE(changed.size(), 0);
}

void TstTaskModel::aFinalStateIsNotOverwrittenByAnOlderList()
{
    TaskModel model;
    model.apply({sample(0, TaskState::Completed), sample(1, TaskState::Running)});
    model.apply({sample(0, TaskState::Running), sample(1), sample(2)});
    QCOMPARE(model.taskAt(2).state, TaskState::Completed);
    QCOMPARE(model.taskAt(1).state, TaskState::Running);
    QCOMPARE(model.taskAt(0).state, TaskState::Pending);
}

void TstTaskModel::capacityTakesTheOldestFinalNotTheWaiting()
{
    TaskModel model(3);
    model.apply({sample(0, TaskState::Running), sample(1, TaskState::Failed), sample(2),
                 sample(3, TaskState::Completed)});
    QCOMPARE(held(model),
             (QList{sample(3, TaskState::Completed), sample(2), sample(0, TaskState::Running)}));
    model.apply({sample(4), sample(5)});
    QCOMPARE(held(model), (QList{sample(5), sample(4), sample(2), sample(0, TaskState::Running)}));
}

void TstTaskModel::runningDurationFollowsTheTime()
{
    TaskModel model;
    model.setNow(Noon);
    model.apply({sample(0, TaskState::Running), sample(1, TaskState::Completed), sample(2)});
    const QSignalSpy changed(&model, &TaskModel::dataChanged);
    model.setNow(Noon + Milliseconds{2600});
    QCOMPARE(changed.size(), 1);
    QCOMPARE(changed.at(0).at(0).toModelIndex().row(), 2);
    QCOMPARE(shown(model, 2, TaskModel::Column::Duration), QStringLiteral("2.5 s"));
    QCOMPARE(shown(model, 1, TaskModel::Column::Duration), QStringLiteral("250 ms"));
    QCOMPARE(shown(model, 0, TaskModel::Column::Duration), QString());
    model.apply({sample(0, TaskState::Interrupted)});
    QVERIFY(!model.hasRunning());
}

void TstTaskModel::aNewDayChangesHowTimesAreWritten()
{
    TaskModel model;
    model.setNow(Noon);
    model.apply({sample(0, TaskState::Completed)});
    const QString today = shown(model, 0, TaskModel::Column::Submitted);
    QVERIFY(today.contains(QLatin1Char(':')));
    const QSignalSpy changed(&model, &TaskModel::dataChanged);
    model.setNow(Noon + std::chrono::days{2});
    QCOMPARE(changed.size(), 1);
    QVERIFY(shown(model, 0, TaskModel::Column::Submitted) != today);
}

void TstTaskModel::textsChangeWithTheRecord()
{
    TaskModel model;
    model.apply({sample(0)});
    QCOMPARE(shown(model, 0, TaskModel::Column::State), QStringLiteral("Pending"));
    QCOMPARE(shown(model, 0, TaskModel::Column::Code), QStringLiteral("x = 0 …"));
    QCOMPARE(shown(model, 0, TaskModel::Column::Notebook), QStringLiteral("nb0.ipynb"));
    model.apply({sample(0, TaskState::Failed)});
    QCOMPARE(shown(model, 0, TaskModel::Column::State), QStringLiteral("Failed"));
    QCOMPARE(shown(model, 0, TaskModel::Column::Error),
             QStringLiteral("ValueError: 0 is too much"));
    const QModelIndex notebook = model.index(0, static_cast<int>(TaskModel::Column::Notebook));
    QCOMPARE(notebook.data(Qt::ToolTipRole).toString(), QStringLiteral("/work/nb0.ipynb"));
}

void TstTaskModel::durations_data()
{
    QTest::addColumn<qint64>("ms");
    QTest::addColumn<QString>("text");
    QTest::addRow("none") << qint64{-1} << QString();
    QTest::addRow("zero") << qint64{0} << QStringLiteral("0 ms");
    QTest::addRow("below a second") << qint64{999} << QStringLiteral("999 ms");
    QTest::addRow("a second") << qint64{1000} << QStringLiteral("1.0 s");
    QTest::addRow("not rounded to 60") << qint64{59'999} << QStringLiteral("59.9 s");
    QTest::addRow("a minute") << qint64{60'000} << QStringLiteral("1 min 00 s");
    QTest::addRow("minutes") << qint64{3'599'000} << QStringLiteral("59 min 59 s");
    QTest::addRow("hours") << qint64{11'220'000} << QStringLiteral("3 h 07 min");
}

void TstTaskModel::durations()
{
    QFETCH(qint64, ms);
    QTEST(durationText(Milliseconds{ms}), "text");
}

void TstTaskModel::firstLines_data()
{
    QTest::addColumn<QString>("code");
    QTest::addColumn<QString>("text");
    QTest::addRow("empty") << QString() << QString();
    QTest::addRow("blank") << QStringLiteral(" \n \n") << QString();
    QTest::addRow("one") << QStringLiteral("  x = 1  ") << QStringLiteral("x = 1");
    QTest::addRow("newline at the end") << QStringLiteral("x = 1\n\n") << QStringLiteral("x = 1");
    QTest::addRow("blank lines first") << QStringLiteral("\n\n  y\nz") << QStringLiteral("y …");
}

void TstTaskModel::firstLines()
{
    QFETCH(QString, code);
    QTEST(firstLine(code), "text");
}

QTEST_GUILESS_MAIN(TstTaskModel)
#include "tst_taskmodel.moc"
