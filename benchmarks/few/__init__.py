"""Learning curves from few clips: draws, trainings on cached embeddings, and scores with intervals."""
