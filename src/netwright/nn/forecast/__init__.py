"""Networks that forecast series: what is taken out of a look-back and given back, bodies, and quantiles."""
