// Tests do not run in parallel: a fault must hit the service, and not the time limit of another test.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
