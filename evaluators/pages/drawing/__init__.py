"""How a page is drawn: one HTML environment, views of figures, plots in SVG and charts of plotly, words."""
