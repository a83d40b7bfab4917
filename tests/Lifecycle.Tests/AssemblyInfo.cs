// Processes that are started and stopped within seconds: each test has the machine to itself.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
