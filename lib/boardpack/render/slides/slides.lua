-- What slides are made from: a report without what only a page or a print shows.

local function table_of(block)
  if block.format ~= "html" or block.text:match("^%s*<figure") then return {} end
  return pandoc.read(block.text, "html").blocks
end

local function conditional(element)
  local when, unless = element.attributes["when-format"], element.attributes["unless-format"]
  if not (when or unless) then return nil end
  -- A slide is printed rather than pointed at: it shows what the PDF shows.
  local applies = (not when or when == "typst") and (not unless or unless ~= "typst")
  if element.classes:includes("content-hidden") then applies = not applies end
  return applies and element.content or {}
end

return { { Div = conditional, Span = conditional }, { RawBlock = table_of } }
