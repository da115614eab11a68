#pragma once

#include <QString>
#include <memory>
#include <optional>

#include "base/json.h"
#include "kernels/displaystate.h"

namespace celldeck::kernels {

/// How one cell ended, as its kernel told it.
struct Execution
{
    enum class Status { Ok, Error, Aborted };
    Status status = Status::Ok;
    std::optional<std::int64_t> executionCount;
    /// nbformat outputs, in order, streams merged. Shared, since they may be large. Never null.
    std::shared_ptr<const Json> outputs = std::make_shared<const Json>(Json::array());
    /// What the reply asks its client to do besides: see payload.h.
    Json payload = Json::array();
    QString errorName;   ///< ename of the error reply
    QString errorValue;  ///< evalue
    /// Which of them can be shown anew later, and what it has shown anew.
    DisplayState displays;
};

}  // namespace celldeck::kernels
