#pragma once

#include <QWidget>

#include "engine/feed.h"

class QLabel;
class QPlainTextEdit;
class QSplitter;
class QStackedLayout;

namespace celldeck::ui {

class OutputView;
class QuestionBar;

/// One task: what it is, its code, its outputs as they come, and what it asks for. Asks the feed
/// for the task when it is chosen and once more when it has ended; hidden, it asks for nothing and
/// asks again when it is seen. Owner: its dock. Thread: GUI.
class DetailPanel final : public QWidget
{
    Q_OBJECT

public:
    explicit DetailPanel(Feed *feed, QWidget *parent = nullptr);

    void showTask(const storage::TaskRecord &task);
    [[nodiscard]] const storage::TaskRecord &task() const { return m_task; }
    [[nodiscard]] QString outputsText() const;

protected:
    void showEvent(QShowEvent *event) override;

private:
    [[nodiscard]] QWidget *makeHeader();
    [[nodiscard]] QWidget *makeBody();
    void handleChanged(const QList<storage::TaskRecord> &tasks);
    void handleLoaded(const storage::TaskDetail &detail);
    void handleOutputs(const LiveOutputs &outputs);
    void handleQuestion(const InputQuestion &question);
    void showOutputs(const QByteArray &outputs);
    void setTask(const storage::TaskRecord &task);
    void watch();
    void showHeader();
    void takeColours();

    Feed *m_feed;
    storage::TaskRecord m_task;  ///< Its id is false while none is chosen.
    bool m_isWatched = false;
    QLabel *m_stateIcon = nullptr;
    QLabel *m_state = nullptr;
    QLabel *m_facts = nullptr;
    QLabel *m_notebook = nullptr;
    QLabel *m_error = nullptr;
    QPlainTextEdit *m_code = nullptr;
    OutputView *m_outputs = nullptr;
    QuestionBar *m_question = nullptr;
    QStackedLayout *m_pages;
};

}  // namespace celldeck::ui
