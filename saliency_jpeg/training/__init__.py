"""Training: a head of your own from images and masks, on the frozen backbone of a preset.

May import evaluation, saliency and the rooms below them; only the command line imports it. Importing it does not load
TensorFlow.
"""

from .api import EPOCHS, Step, Trained, check, train, trainable
from .pairs import Pairs, pair

__all__ = ["EPOCHS", "Pairs", "Step", "Trained", "check", "pair", "train", "trainable"]
