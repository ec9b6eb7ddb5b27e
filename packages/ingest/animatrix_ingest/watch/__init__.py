"""Looking at a source: finding it, probing it, and the one linear decode that everything else feeds on."""
