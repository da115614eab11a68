#pragma once

#include <QList>
#include <QStringList>

#include "assets/bigoutputs.h"
#include "base/clock.h"
#include "base/result.h"

/// Long texts that went to a file while they were printed (kernels/spool.h), and get their name as
/// assets when their task has ended. Plain functions; those that touch files block.
namespace celldeck::assets {

/// In a notebook whose cell printed more, a preview stands for it: the file would have to be read
/// again by everybody who opens it.
inline constexpr qint64 MaxNotebookTextBytes = 64 << 20;

struct Partial
{
    size_t output = 0;  ///< its place among the outputs
    QString path;       ///< of the file without a name
    qint64 bytes = 0;
    qint64 lines = 0;
    qint64 characters = 0;
    qint64 printed = 0;    ///< what its output says that there is; more if some could not be kept
    QByteArray head = {};  ///< the text's beginning and end, or all of it in both
    QByteArray tail = {};
    QByteArray stem = {};  ///< of the name that its content gives it

    [[nodiscard]] QString fileName() const;
};

/// Those that outputs name; only their place and path are known then.
[[nodiscard]] QList<Partial> partialsOf(const Json &outputs);
/// Reads it once. Fails with NotFound or Io.
[[nodiscard]] Result<> study(Partial &partial);
/// Gives the content its name too; the other one stays until `removePartials`, so that a crash
/// between here and the task's record loses nothing. On disk when it returns. Fails with Io.
[[nodiscard]] Result<> nameFile(const Partial &partial, const QString &path);
/// The outputs with preview and path of the named file.
[[nodiscard]] Json named(Json outputs, const Partial &partial, const QString &path);

void removePartials(const QStringList &paths);
/// What engines that are gone have left in a folder, if nobody has written to it for a week.
void removeOldPartials(const QString &folder, UtcTime now);

struct LeftOut
{
    QString path;         ///< of the file that has all that there is; "": none has more
    QString why;          ///< The end of a sentence about what was printed, or shown
    bool isLost = false;  ///< Not only here: some of it is nowhere.
};

struct WholeOutputs
{
    QByteArray json;
    QList<LeftOut> leftOut;  ///< What is not in it as it was
};
/// A list of outputs as a notebook has them: what is in files comes back in its place, up to
/// MaxNotebookTextBytes, beyond which its preview stays. Where nothing is in files it is the same.
[[nodiscard]] WholeOutputs wholeOutputs(const QByteArray &outputs);

}  // namespace celldeck::assets
