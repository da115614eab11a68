#pragma once

#include <QHash>
#include <QString>
#include <memory>
#include <optional>

#include "base/json.h"
#include "kernels/outputcollector.h"

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
    /// Which outputs can be shown anew later, by display id.
    Displays displays;
    /// What it showed anew: outputs of earlier executions with that id change too.
    QList<OutputCollector::DisplayUpdate> updates;
};

}  // namespace celldeck::kernels
