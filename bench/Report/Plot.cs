using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Calls.Report;

/// <summary>Lines over one axis, as SVG.</summary>
public sealed class Plot
{
    private readonly PlotModel model;

    public Plot(string title, string x, string y, bool logarithmic = false)
    {
        model = new PlotModel { Title = title, Background = OxyColors.White };
        model.Axes.Add(logarithmic
            ? new LogarithmicAxis { Position = AxisPosition.Bottom, Title = x }
            : new LinearAxis { Position = AxisPosition.Bottom, Title = x });
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Left, Title = y, Minimum = 0, MajorGridlineStyle = LineStyle.Dot });
        model.Legends.Add(new Legend { LegendPosition = LegendPosition.TopLeft });
    }

    public string Title => model.Title;

    public Plot Line(string name, IEnumerable<(double X, double Y)> points)
    {
        var series = new LineSeries { Title = name, MarkerType = MarkerType.Circle, StrokeThickness = 2 };
        series.Points.AddRange(points.Select(point => new DataPoint(point.X, point.Y)));
        model.Series.Add(series);
        return this;
    }

    public string ToSvg() => new SvgExporter { Width = 720, Height = 400 }.ExportToString(model);
}
