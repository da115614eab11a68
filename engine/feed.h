#pragma once

#include <QList>
#include <QObject>
#include <QString>

#include "storage/taskrecord.h"

namespace celldeck {

/// Where clients connect, for the status bar.
struct EndpointStatus
{
    bool listening = false;
    QString url;    ///< e.g. http://127.0.0.1:8431/mcp
    QString error;  ///< Why it does not listen; "" otherwise.

    bool operator==(const EndpointStatus &) const = default;
};

/// A cell that runs right now, as its outputs come.
struct LiveOutputs
{
    storage::TaskId id;
    QByteArray outputs;  ///< A JSON array of nbformat outputs so far, bounded.
};

/// What a cell that runs asks a person for.
struct InputQuestion
{
    storage::TaskId id;
    QString prompt;
    bool isPassword = false;  ///< The answer must be seen nowhere.
    /// Perhaps: it ran while no engine listened, and what it may have asked then was lost.
    bool isUnheard = false;

    bool operator==(const InputQuestion &) const = default;
};

/// What the console sees of the engine, and all that it can ask. Lives in the engine's thread; the
/// console connects to the signals (they arrive queued, as values, at most 30 times a second) and
/// calls the functions marked "any thread", which answer by a signal.
class Feed : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;
    ~Feed() override;

    /// Any thread. Answered by `tasksListed`, newest first, then by `tasksChanged` for ever.
    virtual void requestTasks(int limit) = 0;
    /// Any thread. Answered by `taskLoaded` and, while it is watched and runs, by `outputsChanged`.
    virtual void watchTask(storage::TaskId id) = 0;
    /// Any thread. Runs all cells of a notebook; what goes wrong comes as `failed`.
    virtual void runNotebook(const QString &path) = 0;
    /// Any thread.
    virtual void cancelTask(storage::TaskId id) = 0;
    /// Any thread. Answers what a cell asks for; the text is kept nowhere.
    virtual void answerInput(storage::TaskId id, const QString &text) = 0;

Q_SIGNALS:
    void tasksListed(const QList<celldeck::storage::TaskRecord> &tasks);
    /// New and changed tasks since the last batch, each once, in the order of their ids.
    void tasksChanged(const QList<celldeck::storage::TaskRecord> &tasks);
    void statsChanged(const celldeck::storage::TaskStats &stats);
    void taskLoaded(const celldeck::storage::TaskDetail &detail);
    void outputsChanged(const celldeck::LiveOutputs &outputs);
    /// The tasks whose cells ask for input and wait, all of them.
    void askingChanged(const QList<celldeck::storage::TaskId> &tasks);
    /// The watched task asks and waits, has asked before it was watched, or may have asked unheard.
    void inputRequested(const celldeck::InputQuestion &question);
    /// By whomever.
    void inputAnswered(const celldeck::storage::TaskId &id);
    void endpointChanged(const celldeck::EndpointStatus &status);
    void failed(const QString &message);
};

}  // namespace celldeck

Q_DECLARE_METATYPE(celldeck::EndpointStatus)
Q_DECLARE_METATYPE(celldeck::InputQuestion)
Q_DECLARE_METATYPE(celldeck::LiveOutputs)
