#include "engine/feed.h"

namespace celldeck {

// Here, so that the class has one home for its virtual table and its meta object.
Feed::~Feed() = default;

}  // namespace celldeck
