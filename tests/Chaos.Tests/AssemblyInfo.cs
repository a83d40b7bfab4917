// Each test has both cores of a small machine to itself: a fault is to hit the service, not the neighbour's clock.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
