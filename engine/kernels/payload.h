#pragma once

#include "base/json.h"

/// What an execute_reply asks its client to do besides ("Payloads" in Jupyter's messaging
/// protocol):
/// [{source, …}] with `page` (a help text to be shown), `set_next_input`, `edit_magic`, `ask_exit`,
/// or what a kernel has of its own. As in nbclient, none of it becomes an output of the notebook.
/// Pure functions.
namespace celldeck::kernels {

/// Of one of them; of a bigger one only its source and size are kept.
inline constexpr qsizetype MaxPayloadBytes = 1 << 20;

/// Those of a reply's content, bounded.
[[nodiscard]] Json payloadOf(const Json &reply);

/// The same as outputs, for people and agents to read: a page is shown, a wish is a line.
[[nodiscard]] Json readablePayload(const Json &payload);

}  // namespace celldeck::kernels
