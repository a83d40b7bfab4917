// Tests do not run in parallel, since they start and stop processes within seconds.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
