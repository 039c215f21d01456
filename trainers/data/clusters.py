"""k-means, small and the same in every run: points of each cluster to learn from."""

import torch

from gym_reason.seeding import derive_rng

MAX_ROUNDS = 100


def find_clusters(points_NC: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Return the cluster of each point, `[N]`: Lloyd's iteration from a k-means++ start.

    No cluster is empty unless there are fewer different points than `count`. The draws derive from
    `seed`.

    Source: Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding".
    """
    points_NC = points_NC.double()
    centres_KC = _choose_starts(points_NC, min(count, len(points_NC)), seed)
    cluster_N = torch.full((len(points_NC),), -1)
    for _ in range(MAX_ROUNDS):
        distance_NK = torch.cdist(points_NC, centres_KC)
        closest_N = distance_NK.argmin(1)
        if torch.equal(closest_N, cluster_N):
            break
        cluster_N = closest_N
        for cluster in range(len(centres_KC)):
            members = cluster_N == cluster
            if members.any():
                centres_KC[cluster] = points_NC[members].mean(0)
    return cluster_N


def sample_clusters(cluster_N: torch.Tensor, each: int, seed: int) -> list[int]:
    """Return up to `each` points of every cluster, drawn from `seed`, in their own order."""
    chosen: list[int] = []
    for cluster in sorted(set(cluster_N.tolist())):
        members = (cluster_N == cluster).nonzero().flatten().tolist()
        order = derive_rng(seed, "clusters", "sample", cluster).permutation(len(members))
        chosen += [members[place] for place in order[:each].tolist()]
    return sorted(chosen)


def _choose_starts(points_NC: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Return the first centres: each drawn with the squared distance to the nearest one so far."""
    rng = derive_rng(seed, "clusters", "starts")
    chosen = [int(rng.integers(len(points_NC)))]
    nearest_N = (points_NC - points_NC[chosen[0]]).square().sum(1)
    while len(chosen) < count and float(nearest_N.max()) > 0.0:
        reach_N = nearest_N.cumsum(0)
        draw = rng.random() * float(reach_N[-1])
        place = int(
            torch.searchsorted(reach_N, torch.tensor(draw, dtype=reach_N.dtype), right=True)
        )
        chosen.append(min(place, len(points_NC) - 1))
        nearest_N = torch.minimum(nearest_N, (points_NC - points_NC[chosen[-1]]).square().sum(1))
    return points_NC[chosen].clone()
