#pragma once

#include <optional>

#include "kernels/kernel.h"
#include "notebooks/notebook.h"
#include "storage/taskrecord.h"

/// What became of a task, as the log, the notebook and the public have it. Pure functions.
namespace celldeck::tasks {

/// Why a task that runs is asked to end before its time.
enum class End { None, Cancel, Limit, NoAnswer, NobodyAnswers, Stop };

/// `soFar`: the outputs that had come, for an execution that the kernel did not bring to its end.
/// The time of the end is the caller's to set.
[[nodiscard]] storage::TaskOutcome outcomeOf(const Result<kernels::Execution> &execution, End asked,
                                             const Json &soFar);

/// Of a task whose request has not left, and has done nothing.
[[nodiscard]] storage::TaskOutcome outcomeOfUnsent(const Error &why, End asked);
enum class Stopped { Kernel, Engine };
[[nodiscard]] storage::TaskOutcome stoppedBeforeItRan(Stopped stopped);

/// The task's record after its end.
[[nodiscard]] storage::TaskRecord ended(storage::TaskRecord task,
                                        const storage::TaskOutcome &outcome);

/// What its notebook gets; nullopt where the notebook is not to be written.
[[nodiscard]] std::optional<notebooks::CellResult> resultOf(const storage::TaskRecord &task,
                                                            const storage::TaskOutcome &outcome);

}  // namespace celldeck::tasks
