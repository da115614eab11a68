#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>
#include <optional>

#include "base/result.h"
#include "kernels/pendingexecution.h"

namespace celldeck::kernels {

/// What the cell of one kernel asks and nobody has answered yet, in a file of the runtime folder
/// (0600): the kernel asks once only, so an engine that takes the kernel up has it from here.
/// Answers are in no file. Never fsynced: a kernel does not outlive its machine.
///
/// Owned by a Kernel. Thread: any one. Stopping: the destructor removes the file.
class QuestionNote final
{
public:
    /// `session`: what the engine's messages to that kernel call themselves.
    QuestionNote(const QString &folder, const QString &session);
    ~QuestionNote();
    QuestionNote(const QuestionNote &) = delete;
    QuestionNote &operator=(const QuestionNote &) = delete;

    /// The question of the cell that was sent as `messageId`. Fails with Io.
    [[nodiscard]] Result<> put(const QByteArray &messageId, const InputRequest &request);
    /// The one that an earlier engine has left of that cell; nullopt if there is none.
    [[nodiscard]] std::optional<InputRequest> find(const QByteArray &messageId) const;
    void remove();

private:
    QString m_path;
    bool m_mayExist = true;  // an earlier engine may have left one; no cell's end has to look twice
};

/// Of which sessions there are notes.
[[nodiscard]] QStringList questionNotes(const QString &folder);
void removeQuestionNote(const QString &folder, const QString &session);

}  // namespace celldeck::kernels
