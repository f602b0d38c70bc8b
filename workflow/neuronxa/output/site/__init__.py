"""The results page: plain files for a browser, with no server and no request to anywhere."""

from neuronxa.output.site.results import Results, Run
from neuronxa.output.site.write import Shown, caption_of, write_site

__all__ = ["Results", "Run", "Shown", "caption_of", "write_site"]
