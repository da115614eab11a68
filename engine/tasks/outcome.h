#pragma once

#include <optional>

#include "kernels/kernel.h"
#include "notebooks/notebook.h"
#include "storage/taskrecord.h"

/// What became of a task, as the log, the notebook and the public have it. Pure functions.
namespace celldeck::tasks {

/// Why a task that runs is asked to end before its time.
enum class End { None, Cancel, Limit, NoAnswer, Stop };

/// False: it was asked to end before its request went to the kernel, and has done nothing.
[[nodiscard]] bool hasLeft(const Result<kernels::Execution> &execution);

/// `soFar`: the outputs that had come, for an execution that the kernel did not bring to its end.
/// The time of the end is the caller's to set.
[[nodiscard]] storage::TaskOutcome outcomeOf(const Result<kernels::Execution> &execution, End asked,
                                             const Json &soFar);

/// Of a task that has not left when its kernel was stopped.
[[nodiscard]] storage::TaskOutcome stoppedBeforeItRan();

/// The task's record after its end.
[[nodiscard]] storage::TaskRecord ended(storage::TaskRecord task,
                                        const storage::TaskOutcome &outcome);

/// What its notebook gets; nullopt where the notebook is not to be written.
[[nodiscard]] std::optional<notebooks::CellResult> resultOf(const storage::TaskRecord &task,
                                                            const storage::TaskOutcome &outcome);

}  // namespace celldeck::tasks
