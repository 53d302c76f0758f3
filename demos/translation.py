"""Pictures, clips and sounds of one set as those of another: python demos/translation.py

1 paintings   Monet and photographs, 64x64, 5000 steps of a small residual generator
2 holograms   of plankton, and pictures of it in bright field, which are other plankton
3 a clip      translated picture by picture: its flicker, beside that of the true map
4 sounds      one vowel as another: spectra, pitch, .wav files

--only clip,sounds does a part. Trainings on real pictures go on where they were stopped.

J.-Y. Zhu, T. Park, P. Isola and A. Efros, arXiv 1703.10593.
                                docs/derivations/cycle_gan.md, docs/questions/translation.md
"""

from functools import partial
from typing import Any

from common import answered, arguments
from cycle_parts import clips, pictures, waves
from sound_parts.wav import wav

from tinygen import atomic

PARTS = {
    "paintings": (
        "Are paintings found in photographs, and photographs in paintings?",
        "'there and back' is mean |F(G(a)) - a| of test pictures in 0..1; 'colours' how far the "
        "mean and std of the channels are from those of the set that translations should look "
        "like, 'untranslated' the same before. No true map is known.",
    ),
    "holograms": (
        "Can a grey hologram become a picture in colour?",
        "The sets have other numbers of channels, so the identity loss is off. Numbers as above.",
    ),
    "clip": (
        "Does a clip flicker that is translated picture by picture?",
        "flicker = mean |e_t - e_{t-1}|, e_t the error of picture t to the true map: what a clip "
        "changes beyond what the true one does.",
    ),
    "sounds": (
        "Does it work along time too: one vowel as another?",
        "Spectra in dB up to 3.5 kHz, smoothed; 'pitch kept' is the share of sounds whose period "
        "is still what it was. Listen to the .wav files.",
    ),
}
MORE: dict[str, tuple[int | str, str]] = {
    "only": ("", "parts of " + ", ".join(PARTS) + "; all where not said"),
    "steps": (0, "of the trainings on real pictures; 0: 5000 and 3000"),
}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train, measure, draw. Returns the numbers."""
    args = arguments(__doc__, "translation", argv, data=None, more=MORE)
    wanted = tuple(args.only.split(",")) if args.only else tuple(PARTS)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        raise SystemExit(f"translation: no part {sorted(unknown)}: choose of {', '.join(PARTS)}")
    answers = {
        "paintings": partial(pictures.answer, args, "monet2photo"),
        "holograms": partial(pictures.answer, args, "holo2bright"),
        "clip": partial(clips.answer, args),
        "sounds": partial(spoken, args),
    }
    asked = {PARTS[name][0]: answers[name] for name in PARTS if name in wanted}
    return answered(args, asked, [PARTS[name][1] for name in PARTS if name in wanted])


def spoken(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer on sounds; the sounds themselves as .wav files."""
    rows, figures, sounds = waves.answer(args)
    for name, x in sounds.items():
        atomic.write_bytes(args.out / f"{name}.wav", wav(x))
    return rows, figures


if __name__ == "__main__":
    main()
