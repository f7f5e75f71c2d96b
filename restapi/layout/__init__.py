"""What all pages for browsers have: one Jinja environment, a head and a foot, a policy, and static files."""

from restapi.layout.frame import API, SAFE_IN_URLS, Frame, Requested, frame_of, url_below
from restapi.layout.page import Page, answer_picture, answer_with, wants_page
from restapi.layout.panel import Panel
from restapi.layout.static_files import STATIC, answer_file, is_static, url_of

__all__ = [
    "API",
    "SAFE_IN_URLS",
    "STATIC",
    "Frame",
    "Page",
    "Panel",
    "Requested",
    "answer_file",
    "answer_picture",
    "answer_with",
    "frame_of",
    "is_static",
    "url_below",
    "url_of",
    "wants_page",
]
