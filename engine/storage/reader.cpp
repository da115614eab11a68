#include "storage/reader.h"

namespace celldeck::storage {

Reader::Reader(std::function<void(Error)> damaged) : m_damaged(std::move(damaged)) {}

Reader::~Reader()
{
    stop();
}

void Reader::process(Connection &connection, Jobs jobs)
{
    for (auto &job : jobs) {
        Result<> done = job->run(connection);
        if (auto fault = connection.takeFault(); fault && fault->code == ErrorCode::Damaged)
            tell([this, fault = std::move(*fault)] { m_damaged(fault); });
        std::vector<Answer> answer;
        answer.push_back({std::move(job), std::move(done)});
        deliver(std::move(answer));
    }
}

}  // namespace celldeck::storage
