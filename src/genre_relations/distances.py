"""Distances between genres, by embeddings and by answers, and their map."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from src.genre_relations.artists import Artists


def energy_distances(mean_RCC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy distance of each pair of genres from mean distances between their artists -> (R, C, C), 0 or more.

    For two genres i and j, with the mean distance d(i, j) of two different artists, it is the square root of
    2 d(i, j) - d(i, i) - d(j, j): 0 if artists of i and j differ as much as artists of the same genre. A negative
    difference, which chance makes, counts as 0. NaN for a genre without two artists to compare.
    Source: Szekely and Rizzo 2013.
    """
    within_RC = np.diagonal(mean_RCC, axis1=1, axis2=2)
    square_RCC = 2 * mean_RCC - within_RC[:, :, None] - within_RC[:, None, :]
    distance_RCC = np.sqrt(np.maximum(square_RCC, 0))
    return np.where(np.eye(mean_RCC.shape[1], dtype=bool) & np.isfinite(distance_RCC), 0, distance_RCC)


def answer_distances(
    artists: Artists, share_AG: NDArray[np.float64], weight_RA: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Distance of the answers to each pair of genres -> (R, C, C), 0 to 1.

    It is the total variation distance of their rows of the confusion matrix, half the sum of absolute differences of the
    shares of answers: 0 if both get the same answers equally often, 1 if they have no answer in common. Each artist of a
    genre has the same weight, times `weight_RA`.
    """
    genres = len(artists.genres)
    distance_RCC = np.empty((len(weight_RA), genres, genres), np.float32)
    for number, weight_A in enumerate(weight_RA.astype(np.float64)):
        sums_CG = np.add.reduceat(weight_A[:, None] * share_AG, artists.start_C, axis=0)
        row_CG = sums_CG / sums_CG.sum(axis=1, keepdims=True)
        distance_RCC[number] = squareform(0.5 * pdist(row_CG, "cityblock"), checks=False)
    return distance_RCC


def confusion_rows(artists: Artists, share_AG: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean share of each answer over the artists of each genre -> (C, G); each row adds up to 1."""
    counts_C = np.bincount(artists.genre_A, minlength=len(artists.genres))
    return np.add.reduceat(share_AG, artists.start_C, axis=0) / counts_C[:, None]


def place(distance_CC: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
    """Place genres on a map by classical multidimensional scaling -> (C, 2), and the share of the squared distances that it shows.

    The share is that of the two largest eigenvalues in the sum of all positive ones, 0 to 1. Axes and signs mean nothing.
    Source: Torgerson 1952.
    """
    square_CC = np.asarray(distance_CC, np.float64) ** 2
    centred_CC = square_CC - square_CC.mean(axis=0) - square_CC.mean(axis=1)[:, None] + square_CC.mean()
    value_C, vector_CC = np.linalg.eigh(-0.5 * centred_CC)
    value_2, vector_C2 = value_C[::-1][:2].clip(min=0), vector_CC[:, ::-1][:, :2]
    vector_C2 = vector_C2 * np.where(vector_C2.sum(axis=0) + 1e-9 * vector_C2[0] < 0, -1, 1)
    positive = value_C[value_C > 0].sum()
    return vector_C2 * np.sqrt(value_2), float(value_2.sum() / positive) if positive > 0 else 1.0


def usable_genres(distance_CC: NDArray[np.floating], genres: Sequence[str]) -> list[int]:
    """The genres that have a distance to all others among them: those without a distance to themselves are left out first."""
    kept = [k for k in range(len(genres)) if np.isfinite(distance_CC[k, k])]
    while kept and (missing_C := (~np.isfinite(distance_CC[np.ix_(kept, kept)])).sum(axis=1)).any():
        del kept[int(missing_C.argmax())]
    return kept
