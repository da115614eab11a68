#pragma once

#include <QHash>
#include <QList>
#include <QString>
#include <map>

#include "base/json.h"

namespace celldeck::kernels {

/// The places among outputs of those that can be shown anew later, by display id.
using Displays = QHash<QString, QList<qsizetype>>;

/// Those of the places that are there and can be shown anew: what comes from a disk may not fit.
[[nodiscard]] Displays placesIn(const Json &outputs, const Displays &displays);

/// What an output shows: by MIME type, and nbformat's metadata.
struct DisplayContent
{
    Json data;
    Json metadata;

    bool operator==(const DisplayContent &) const = default;
};

/// What is to be shown anew, by display id: the last of each.
using DisplayUpdates = std::map<QString, DisplayContent>;

/// Another content in the place of what an output shows, and of what of it is in files. False: it
/// shows that already.
bool showAnew(Json &output, const DisplayContent &content);

/// What of an execution its outputs do not tell, and what comes after them depends on: kept with
/// the outputs of a cell that runs, for an engine that takes it over.
struct DisplayState
{
    Displays places = {};
    /// What it has shown anew: done in its own outputs, to be done in those of executions before.
    DisplayUpdates updates = {};
    /// clear_output(wait=True): the next output takes the place of all that are there.
    bool clearsNext = false;

    [[nodiscard]] bool isEmpty() const
    {
        return places.isEmpty() && updates.empty() && !clearsNext;
    }
    bool operator==(const DisplayState &) const = default;
};

/// A JSON object.
[[nodiscard]] QByteArray bytesOf(const DisplayState &state);
/// What is not as `bytesOf` makes it is left out.
[[nodiscard]] DisplayState displayStateFrom(const QByteArray &json);

}  // namespace celldeck::kernels
