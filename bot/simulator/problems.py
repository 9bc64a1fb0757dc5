"""Meta's less usual error codes, the words of `error_data.details`, and the known subcodes.

Titles and HTTP statuses as on Meta's page of error codes (September 2026); where the page names no
subcode none is sent, which is what most of its answers look like.
"""

from __future__ import annotations

MORE_PROBLEMS = {
    613: (400, "Calls to this api have exceeded the rate limit."),
    131014: (400, "Request for url failed"),
    131036: (400, "Message failed to send"),
    131037: (
        400,
        "WhatsApp provided number needs display name approval before it can send",
    ),
    131044: (400, "Business eligibility payment issue for calls"),
    131055: (400, "Method not allowed"),
    131059: (400, "Invalid cursor"),
    131060: (400, "This message is currently unavailable"),
    131061: (400, "Max-price templates are sent with the Marketing Messages API"),
    131063: (400, "Marketing templates are disabled on Cloud API"),
    131064: (400, "Message limit reached because of template misclassification"),
    132008: (400, "Parameter Format Does not Match"),
    132068: (400, "Flow is blocked"),
    132069: (400, "Flow is throttled"),
    133005: (400, "Two step verification PIN Mismatch"),
    133006: (400, "Phone number needs to be verified before registering"),
    133008: (400, "Too Many two step verification PIN Guesses"),
    133009: (400, "Two step verification PIN Guessed Too Fast"),
    133015: (400, "Please wait a few minutes before attempting to register this phone number"),
    133016: (400, "Account register deregister rate limit exceeded"),
    134100: (400, "Only marketing messages supported"),
    134101: (400, "Template synchronization is in progress"),
    134102: (400, "Template is not available for the Marketing Messages API"),
    139001: (400, "Flow can't be updated"),
    139002: (400, "Flow can't be published"),
    139003: (400, "Flow can't be deprecated"),
    139004: (400, "Flow can't be deleted"),
    139100: (400, "Failed to block/unblock users"),
    141006: (400, "Payment account issue"),
    1752041: (400, "Duplicate onboarding request"),
    2388019: (400, "Message template limit exceeded"),
    2388039: (400, "Message template can't be edited"),
    2388040: (400, "Character limit exceeded"),
    2388047: (400, "Message header format is incorrect"),
    2388072: (400, "Message body format is incorrect"),
    2388073: (400, "Message footer format is incorrect"),
    2388293: (400, "Parameters words ratio exceeds limit"),
    2388299: (400, "Leading or trailing params not allowed"),
    2494100: (500, "Number is being moved to a higher throughput"),
    2593107: (400, "Synchronization request limit exceeded"),
    2593108: (400, "Synchronization request made outside of allowed time window"),
}

MORE_DETAILS = {
    4: "The app has reached its API call rate limit.",
    80007: "The WhatsApp Business Account has reached its rate limit.",
    80008: "The WhatsApp Business Account has made too many management calls in an hour.",
    368: "The WhatsApp Business Account has been restricted or disabled for violating a platform "
    "policy.",
    613: "The number of calls to this endpoint within the last hour has exceeded the limit.",
    130472: "Message was not sent as part of an experiment.",
    130497: "The business account is restricted from messaging users in certain countries.",
    131016: "A service is temporarily unavailable.",
    131030: "Recipient phone number not in allowed list: Add recipient phone number to recipient "
    "list and try again.",
    131031: "Business Account has been locked.",
    131042: "Message failed to send because there were one or more errors related to your payment "
    "method.",
    131045: "Message failed to send due to a phone number registration error.",
    131048: "Message failed to send because there are restrictions on how many messages can be "
    "sent from this phone number. This may be because too many previous messages were blocked or "
    "flagged as spam.",
    131052: "Unable to download the media sent by the user.",
    131053: "Unable to upload the media used in the message.",
    131057: "Business Account is in maintenance mode.",
    131060: "Request the WhatsApp user to resend the message.",
    131064: "Sending is limited until the enforcement ends because templates were filed under the "
    "wrong category.",
    132015: "Template is paused due to low quality so it cannot be sent in a template message.",
    132016: "Template has been paused too many times due to low quality and is now permanently "
    "disabled.",
    133010: "Phone number not registered on the WhatsApp Business Platform.",
    2494100: "The number is unavailable for about a minute.",
}

EXPIRED, REVOKED, PASSWORD_CHANGED, LOGGED_OUT = 463, 458, 460, 467
SUBCODES = {
    33: 33,
    190: EXPIRED,
    2388019: 2388019,
    **{code: code for code in (2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299)},
}
"""The subcode that comes with a code when the fault names none."""

TOKEN_WORDS = {
    EXPIRED: "Error validating access token: Session has expired.",
    REVOKED: "Error validating access token: The user has not authorized application 1.",
    PASSWORD_CHANGED: "Error validating access token: The session has been invalidated because the "
    "user changed their password or Facebook has changed the session for security reasons.",
    LOGGED_OUT: "Error validating access token: This may be because the user logged out.",
}
