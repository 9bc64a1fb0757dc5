"""Which files WhatsApp takes, and how big they may be."""

from __future__ import annotations

from bot.simulator.errors import GraphError

MB = 1024 * 1024
OFFICE = "application/vnd.openxmlformats-officedocument."
LIMITS = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * MB),
    "image/webp": MB // 2,
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * MB),
    **dict.fromkeys(
        ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"),
        16 * MB,
    ),
    **dict.fromkeys(
        (
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{OFFICE}wordprocessingml.document",
            f"{OFFICE}spreadsheetml.sheet",
            f"{OFFICE}presentationml.presentation",
        ),
        100 * MB,
    ),
}


def check_upload(mime_type: str, size: int) -> str:
    """The plain media type; raises GraphError for types WhatsApp does not take, or too much."""
    plain = mime_type.partition(";")[0].strip().lower()
    if plain not in LIMITS:
        known = ", ".join(LIMITS)
        message = (
            f"(#100) Param file must be a file with one of the following types: {known}. "
            f"Received file of type '{plain}'."
        )
        raise GraphError(100, message=message)
    if not 0 < size <= LIMITS[plain]:
        details = f"File size {size} is not between 1 and {LIMITS[plain]} bytes for {plain}"
        raise GraphError(131053, details)
    return plain
