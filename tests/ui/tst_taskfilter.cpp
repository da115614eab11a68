#include <QAbstractItemModelTester>
#include <QItemSelectionModel>
#include <QRandomGenerator>
#include <QTest>

#include "ui/models/taskfilter.h"
#include "ui/models/taskmodel.h"
#include "ui/support/samples.h"

using namespace celldeck;
using namespace celldeck::ui;
using namespace celldeck::ui::test;
using storage::TaskRecord;
using storage::TaskState;

namespace {

QList<int> numbers(const TaskFilter &filter)
{
    QList<int> found;
    for (int row = 0; row < filter.rowCount(); ++row) {
        const Milliseconds since = filter.taskAt(row).createdAt - Noon;
        found.append(static_cast<int>(since.count() / 1000));
    }
    return found;
}

int at(TaskModel::Column column)
{
    return static_cast<int>(column);
}

}  // namespace

class TstTaskFilter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void newestFirstUnlessSorted();
    void stateAndTextNarrow();
    void allWordsMustOccur();
    void aTaskLeavesTheFilterWhenItsStateDoes();
    void randomEditsKeepTheOrder();
    void sortedColumnIsASnapshot();
    void durationsSortByLength();
    void selectionFollowsItsTask();
};

void TstTaskFilter::newestFirstUnlessSorted()
{
    TaskModel model;
    const TaskFilter filter(&model);
    model.apply({sample(2), sample(1)});
    model.apply({sample(4), sample(3)});
    QCOMPARE(numbers(filter), (QList{4, 3, 2, 1}));
}

void TstTaskFilter::stateAndTextNarrow()
{
    TaskModel model;
    TaskFilter filter(&model);
    model.apply({sample(1, TaskState::Failed), sample(2, TaskState::Completed),
                 sample(3, TaskState::Failed)});
    QVERIFY(!filter.isFiltering());
    filter.setState(TaskState::Failed);
    QCOMPARE(numbers(filter), (QList{3, 1}));
    filter.setText(QStringLiteral("valueerror: 1"));
    QVERIFY(filter.isFiltering());
    QCOMPARE(numbers(filter), QList{1});
    filter.setState(std::nullopt);
    filter.setText(storage::toText(idOf(2)));
    QCOMPARE(numbers(filter), QList{2});
    filter.setText(QStringLiteral("  "));
    QVERIFY(!filter.isFiltering());
    QCOMPARE(filter.rowCount(), 3);
}

void TstTaskFilter::allWordsMustOccur()
{
    TaskModel model;
    TaskFilter filter(&model);
    model.apply({sample(3), sample(4), sample(10)});
    filter.setText(QStringLiteral("nb3 PRINT"));
    QCOMPARE(numbers(filter), (QList{10, 3}));
    filter.setText(QStringLiteral("nb3 10"));
    QCOMPARE(numbers(filter), QList{10});
}

void TstTaskFilter::aTaskLeavesTheFilterWhenItsStateDoes()
{
    TaskModel model;
    TaskFilter filter(&model);
    filter.setState(TaskState::Running);
    model.apply({sample(1, TaskState::Running), sample(2)});
    QCOMPARE(numbers(filter), QList{1});
    model.apply({sample(1, TaskState::Completed), sample(2, TaskState::Running)});
    QCOMPARE(numbers(filter), QList{2});
    QVERIFY(!filter.indexOf(idOf(1)).isValid());
}

void TstTaskFilter::randomEditsKeepTheOrder()
{
    QRandomGenerator random(7);
    TaskModel model(80);
    TaskFilter filter(&model);
    const QAbstractItemModelTester tester(&filter,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    filter.setText(QStringLiteral("nb3"));
    for (int round = 0; round < 200; ++round) {
        QList<TaskRecord> batch;
        for (int i = 0; i < 6; ++i)
            batch.append(
                sample(random.bounded(20 + round), static_cast<TaskState>(random.bounded(7))));
        model.apply(batch);
        QList<int> expected;
        for (int row = 0; row < model.rowCount(); ++row) {
            const int number =
                static_cast<int>((model.taskAt(row).createdAt - Noon).count() / 1000);
            if (number % 7 == 3)
                expected.append(number);
        }
        QCOMPARE(numbers(filter), expected);
    }
}

void TstTaskFilter::sortedColumnIsASnapshot()
{
    TaskModel model;
    TaskFilter filter(&model);
    model.apply({sample(1, TaskState::Completed), sample(2), sample(3, TaskState::Running)});
    filter.sort(at(TaskModel::Column::State), Qt::AscendingOrder);
    QCOMPARE(numbers(filter), (QList{2, 3, 1}));
    model.apply({sample(2, TaskState::Failed)});
    QCOMPARE(numbers(filter), (QList{2, 3, 1}));
    filter.sort(at(TaskModel::Column::State), Qt::DescendingOrder);
    QCOMPARE(numbers(filter), (QList{2, 1, 3}));
    model.apply({sample(0), sample(8), sample(9)});
    QCOMPARE(numbers(filter), (QList{9, 8, 0, 2, 1, 3}));
    filter.sort(at(TaskModel::Column::State), Qt::AscendingOrder);
    QCOMPARE(numbers(filter), (QList{0, 8, 9, 3, 1, 2}));
    model.apply({sample(10), sample(11)});
    QCOMPARE(numbers(filter), (QList{11, 10, 0, 8, 9, 3, 1, 2}));
    filter.sort(-1);
    QCOMPARE(numbers(filter), (QList{11, 10, 9, 8, 3, 2, 1, 0}));
}

void TstTaskFilter::durationsSortByLength()
{
    TaskModel model;
    TaskFilter filter(&model);
    TaskRecord slow = sample(1, TaskState::Completed);
    slow.finishedAt = *slow.startedAt + std::chrono::seconds{90};
    model.apply({slow, sample(2, TaskState::Completed), sample(3), sample(4, TaskState::Running)});
    filter.sort(at(TaskModel::Column::Duration), Qt::AscendingOrder);
    QCOMPARE(numbers(filter), (QList{3, 2, 1, 4}));
}

void TstTaskFilter::selectionFollowsItsTask()
{
    TaskModel model;
    TaskFilter filter(&model);
    model.apply({sample(1), sample(5)});
    QItemSelectionModel selection(&filter);
    selection.setCurrentIndex(filter.indexOf(idOf(1)), QItemSelectionModel::ClearAndSelect);
    model.apply({sample(0), sample(3), sample(9)});
    model.apply({sample(1, TaskState::Running)});
    filter.sort(at(TaskModel::Column::State), Qt::DescendingOrder);
    QCOMPARE(selection.currentIndex().data(TaskModel::IdRole).toLongLong(), idOf(1).value());
    QCOMPARE(selection.selectedIndexes().size(), 1);
}

QTEST_GUILESS_MAIN(TstTaskFilter)
#include "tst_taskfilter.moc"
