// Draws every chart on the page in the colours of the light, dark or printed page.
(() => {
  "use strict";
  const root = document.documentElement;
  const PRINTED = 680; // pixels across a printed page
  const ROOMY = 30; // pixels a column of a heatmap needs for its name

  const coloured = (value, key, style) => {
    if (Array.isArray(value)) return value.map((v) => coloured(v, key, style));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, k, style)]));
    }
    const isColour = typeof value === "string" && value.startsWith("--") && key.includes("color");
    return isColour ? style.getPropertyValue(value).trim() : value;
  };

  const draw = (div, printed) => {
    const style = getComputedStyle(root);
    const figure = coloured(JSON.parse(div.nextElementSibling.textContent), "", style);
    const [ink, soft, line] = ["--ink", "--soft", "--grid"].map((name) => style.getPropertyValue(name).trim());
    const lines = { gridcolor: line, linecolor: soft, tickfont: { color: ink }, zerolinecolor: soft };
    for (const name of ["xaxis", "yaxis"]) Object.assign(figure.layout[name], { ...lines, ...figure.layout[name] });
    figure.layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      ...figure.layout,
      dragmode: false,
      font: { color: ink, size: 12.5, family: getComputedStyle(document.body).fontFamily },
      hoverlabel: { bgcolor: style.getPropertyValue("--wash").trim(), bordercolor: soft, font: { color: ink }, align: "left" },
      autosize: !printed,
      ...(printed ? { width: Math.min(PRINTED, div.clientWidth || PRINTED) } : {}),
    };
    for (const trace of figure.data.filter(({ type }) => type === "heatmap")) {
      const [across, down] = ["xaxis", "yaxis"].map((name) => figure.layout[name].ticktext);
      const tell = (v, i, j) => (v === null ? "" : `${down[i]} × ${across[j]}<br>${v}`);
      trace.hovertext = trace.z.map((row, i) => row.map((v, j) => tell(v, i, j)));
      if (div.clientWidth < ROOMY * across.length) figure.layout.xaxis.showticklabels = false; // as the rows
      trace.colorbar.tickfont = { color: ink };
    }
    return Plotly.react(div, figure.data, figure.layout, { responsive: true, displayModeBar: false });
  };

  const charts = [...document.querySelectorAll(".chart")];
  const all = (printed) => Promise.all(charts.map((div) => draw(div, printed)));
  const print = (printed) => {
    root.classList.toggle("printed", printed);
    return all(printed);
  };
  all(false).then(() => root.classList.add("drawn"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all(false));
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
})();
